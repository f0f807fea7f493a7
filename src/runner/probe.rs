//! How long the way to a server and back takes, measured before a run, so that windows can be widened by it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::dial::dial;
use super::http::encode_request;
use super::live::block_on;
use super::stream::Stream;
use super::target::ServerTarget;
use crate::transcript::{Ending, Request};

/// How often it is tried; the fastest says most about the way, and least about the server.
const TRIES: usize = 3;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that is slow to answer must not earn itself wide windows.
const MOST: Duration = Duration::from_secs(1);

/// Nobody can be talked to there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No connection comes about.
    #[error("{0}")]
    Connection(String),
    /// There is a connection, but no TLS on it.
    #[error("TLS: {0}")]
    Tls(String),
    /// The system gives no resources to ask.
    #[error("cannot ask: {0}")]
    Runtime(String),
}

/// The time to connect to this server and to get the first byte of its answer to an upgrade of this path, whatever the answer is. Nothing if
/// it does not answer.
pub fn round_trip(server: &ServerTarget, path: &str) -> Result<Option<Duration>, Unreachable> {
    let measured = block_on(fastest(server, path)).map_err(|error| Unreachable::Runtime(error.to_string()))?;
    Ok(measured?.map(|took| took.min(MOST)))
}

async fn fastest(server: &ServerTarget, path: &str) -> Result<Option<Duration>, Unreachable> {
    let mut fastest: Option<Duration> = None;
    for _ in 0..TRIES {
        let begun = Instant::now();
        let stream = match dial(server).await {
            Ok(stream) => stream,
            // It was there a moment ago: what became of it is for the run to see.
            Err(_) if fastest.is_some() => return Ok(None),
            Err(ending) => return Err(ending.into()),
        };
        let Some(took) = timeout(PATIENCE, answer(stream, server, path, begun)).await.ok().flatten() else { return Ok(None) };
        fastest = Some(fastest.map_or(took, |fastest| fastest.min(took)));
    }
    Ok(fastest)
}

async fn answer(mut stream: Stream, server: &ServerTarget, path: &str, begun: Instant) -> Option<Duration> {
    // The key of RFC 6455 § 1.3: nothing is said after the answer.
    let request = Request::upgrade(&server.host_header(), path, "dGhlIHNhbXBsZSBub25jZQ==");
    stream.write_all(&encode_request(&request)).await.ok()?;
    stream.flush().await.ok()?;
    let count = stream.read(&mut [0]).await.ok()?;
    (count == 1).then(|| begun.elapsed())
}

impl From<Ending> for Unreachable {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Unreachable(why) | Ending::Overflow(why) => Self::Connection(why),
            Ending::Tls(why) => Self::Tls(why),
            Ending::Finished | Ending::Reset => Self::Connection("the connection ended at once".to_owned()),
        }
    }
}
