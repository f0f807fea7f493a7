//! wss:// against a server with a certificate of our own.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use framegate::peer::{Action, Peer};
use framegate::runner::{Bounds, ServerTarget, Stop, Target, Tls, live};
use framegate::transcript::{Ending, Frame, Role, Transcript, What};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite;

use crate::acting::{client, close, story_of, text};

const PLENTY: Duration = Duration::from_secs(60);

/// An echo server on wss:// for one name, and the file with its certificate.
fn listen(name: &str, folder: &Path) -> u16 {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    std::fs::write(folder.join("ca.pem"), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let Ok(mut socket) = tungstenite::accept(stream) else { continue };
            while let Ok(message) = socket.read() {
                if message.is_text() && socket.send(message).is_err() {
                    break;
                }
            }
        }
    });
    port
}

fn play(harness: &mut dyn Peer, port: u16, tls: &Tls) -> Transcript {
    let server = ServerTarget::parse(&format!("wss://localhost:{port}/"), tls).unwrap();
    live(harness, &Target::Server(server), &Bounds::new(PLENTY), &Stop::new())
}

fn says_hello() -> impl Peer {
    client(|_, what| match what {
        What::Response(_) => vec![text(1, "hello")],
        What::Frame(frame) if *frame == Frame::text("hello") => vec![close(1)],
        What::Ended(_) => vec![Action::Stop],
        _ => vec![],
    })
}

fn trusting(folder: &Path) -> Tls {
    Tls { ca: Some(folder.join("ca.pem")), insecure: false }
}

const GOOD: [&str; 4] = ["server:response(101)", "server:text(hello)", "server:close(…)", "server:finished"];

#[test]
fn a_server_whose_certificate_is_trusted_is_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    let port = listen("localhost", folder.path());
    assert_eq!(story_of(Role::Server, &play(&mut says_hello(), port, &trusting(folder.path()))), GOOD);
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_the_handshake_unless_that_is_wanted() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = listen("localhost", folder.path());
    listen("localhost", other.path());
    let transcript = play(&mut says_hello(), port, &trusting(other.path()));
    let [event] = &transcript.events[..] else { panic!("{transcript:?}") };
    assert!(matches!(&event.what, What::Ended(Ending::Tls(why)) if why.contains("--ca")), "{event:?}");
    let transcript = play(&mut says_hello(), port, &Tls { ca: None, insecure: true });
    assert_eq!(story_of(Role::Server, &transcript), GOOD);
}

#[test]
fn a_certificate_for_another_host_ends_the_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let port = listen("example.org", folder.path());
    assert_eq!(story_of(Role::Server, &play(&mut says_hello(), port, &trusting(folder.path()))), ["server:tls"]);
}

#[test]
fn a_port_that_speaks_no_tls_is_told_so() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let transcript = play(&mut says_hello(), port, &Tls { ca: None, insecure: true });
    assert!(matches!(&transcript.events[0].what, What::Ended(Ending::Tls(why)) if why.contains("speak TLS")), "{transcript:?}");
}

#[test]
fn an_authority_that_cannot_be_read_is_an_error_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let parse = |name: &str| {
        let tls = Tls { ca: Some(folder.path().join(name)), insecure: false };
        ServerTarget::parse("wss://localhost", &tls).unwrap_err().to_string()
    };
    std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();
    assert!(parse("missing.pem").contains("cannot be read as PEM"));
    assert!(parse("empty.pem").contains("holds no certificate"));
}
