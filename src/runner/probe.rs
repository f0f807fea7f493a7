//! How long the way to a server and back takes, measured before a run, so that windows can be widened by it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::dial::dial;
use super::http::encode_request;
use super::live::block_on;
use super::target::ServerTarget;
use crate::transcript::Request;

/// How often it is tried; the fastest says most about the way, and least about the server.
const TRIES: usize = 3;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that is slow to answer must not earn itself wide windows.
const MOST: Duration = Duration::from_secs(1);

/// The time to connect to this server and to get the first byte of its answer to an upgrade of this path, whatever the answer is. Nothing if
/// it cannot be reached or does not answer.
pub fn round_trip(server: &ServerTarget, path: &str) -> Option<Duration> {
    let measured = block_on(async {
        let mut fastest: Option<Duration> = None;
        for _ in 0..TRIES {
            let took = timeout(PATIENCE, once(server, path)).await.ok().flatten()?;
            fastest = Some(fastest.map_or(took, |fastest| fastest.min(took)));
        }
        fastest
    });
    measured.ok().flatten().map(|took| took.min(MOST))
}

async fn once(server: &ServerTarget, path: &str) -> Option<Duration> {
    // The key of RFC 6455 § 1.3: nothing is said after the answer.
    let request = Request::upgrade(&server.host_header(), path, "dGhlIHNhbXBsZSBub25jZQ==");
    let begun = Instant::now();
    let mut stream = dial(server).await.ok()?;
    stream.write_all(&encode_request(&request)).await.ok()?;
    stream.flush().await.ok()?;
    let count = stream.read(&mut [0]).await.ok()?;
    (count == 1).then(|| begun.elapsed())
}
