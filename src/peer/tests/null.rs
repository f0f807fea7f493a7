//! What null peers do.

use std::time::Duration;

use super::demo;
use super::pair::Pair;
use crate::peer::{Machine, Null};
use crate::transcript::Role;

#[track_caller]
fn check(null: Null, side: Role, expected: &[&str]) {
    let (pack, settings) = demo();
    let other = Machine::new(pack.clone(), settings.clone(), side.other());
    let null = null.peer(pack.clone(), settings, side);
    let pair = match side {
        Role::Server => Pair::new(null, other),
        Role::Client => Pair::new(other, null),
    };
    let pair = pair.run(Duration::from_secs(5));
    assert_eq!(pair.story(&pack), expected);
}

#[test]
fn each_null_server_does_its_one_thing() {
    let open = ["client upgrade", "server accept", "client hello"];
    let with = |more: &[&'static str]| [&open[..], more].concat();
    check(Null::Silent, Role::Server, &open);
    check(Null::Echo, Role::Server, &with(&["server unknown"]));
    check(Null::Error, Role::Server, &with(&["server error"]));
    let closed = ["client upgrade", "server accept", "server close 1000", "client hello", "client close 1000", "server end", "client end"];
    check(Null::Close, Role::Server, &closed);
    check(Null::Hangup, Role::Server, &["client upgrade", "server end", "client end"]);
    check(Null::Garbage, Role::Server, &["client upgrade", "server garbage", "server end", "client end"]);
    check(Null::Http, Role::Server, &["client upgrade", "server refuse 200", "server end", "client end"]);
}

#[test]
fn each_null_client_does_its_one_thing() {
    let open = ["client upgrade", "server accept"];
    let with = |more: &[&'static str]| [&open[..], more].concat();
    check(Null::Silent, Role::Client, &open);
    check(Null::Hangup, Role::Client, &with(&["client end", "server end"]));
    check(Null::Http, Role::Client, &["client request", "server response 404", "server end", "client end"]);
    check(Null::Close, Role::Client, &with(&["client close 1000", "server close 1000", "server end", "client end"]));
}

#[test]
fn the_random_peer_says_what_the_catalogue_allows_and_always_the_same() {
    let (pack, settings) = demo();
    let run = || {
        let client = Machine::new(pack.clone(), settings.clone(), Role::Client);
        Pair::new(Null::Random.peer(pack.clone(), settings.clone(), Role::Server), client).run(Duration::from_secs(1))
    };
    assert_eq!(run().transcript, run().transcript);
    let said = run().observations(&pack).into_iter().filter(|seen| seen.from == Role::Server && seen.is_message()).collect::<Vec<_>>();
    assert!(!said.is_empty());
    assert!(said.iter().all(|seen| pack.schemas[&seen.name].accepts(&seen.value)), "{said:?}");
}
