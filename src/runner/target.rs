//! What is tested: a server at an address, or a command that runs a client.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::transcript::Role;

use super::hook::Hooks;
#[cfg(feature = "tls")]
use super::tls::Connector;

/// What is tested.
#[derive(Clone, Debug)]
pub enum Target {
    /// A server that is running somewhere.
    Server(ServerTarget),
    /// A client that is started for each case.
    Client(ClientTarget),
}

impl Target {
    /// The side under test.
    pub fn side(&self) -> Role {
        match self {
            Self::Server(_) => Role::Server,
            Self::Client(_) => Role::Client,
        }
    }
}

/// A URL that names no server that can be tested.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Its scheme is another.
    #[error("`{0}` is no WebSocket URL; one begins with ws:// or wss://")]
    Scheme(String),
    /// It names no host.
    #[error("`{0}` names no host")]
    Host(String),
    /// Its port is no port.
    #[error("`{0}` is no port; a port is a number from 1 to 65535")]
    Port(String),
    /// It has a user name before the host.
    #[error("credentials do not stand in the URL; give them with --set credential.NAME=VALUE")]
    Credentials,
    /// It has a fragment, which a WebSocket URL cannot have (RFC 6455 § 3).
    #[error("`#{0}` cannot stand in a WebSocket URL")]
    Fragment(String),
    /// It has a character that would break its HTTP request.
    #[error("the path of the URL has a space or a control character; write it percent-encoded")]
    Path,
    /// It is `wss://`, and this build has no TLS.
    #[error("wss:// needs TLS, and this build of framegate has none; build it with the feature `tls`")]
    NoTls,
    /// TLS could not be set up.
    #[cfg(feature = "tls")]
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] super::tls::TlsError),
}

/// Whom to trust on `wss://`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file with the certificates to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// True to trust anybody.
    pub insecure: bool,
}

/// A server at an address.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    host: String,
    port: u16,
    path: String,
    hooks: Hooks,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Connector>,
}

impl ServerTarget {
    /// Reads a `ws://` or `wss://` URL.
    ///
    /// ```
    /// use framegate::runner::{ServerTarget, Tls};
    ///
    /// let target = ServerTarget::parse("ws://[::1]:8080/socket?v=1", &Tls::default()).unwrap();
    /// assert_eq!((target.host(), target.port(), target.path()), ("::1", 8080, "/socket?v=1"));
    /// assert!(ServerTarget::parse("http://localhost", &Tls::default()).is_err());
    /// ```
    pub fn parse(url: &str, tls: &Tls) -> Result<Self, TargetError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| TargetError::Scheme(url.to_owned()))?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(TargetError::Scheme(url.to_owned())),
        };
        if let Some((_, fragment)) = rest.split_once('#') {
            return Err(TargetError::Fragment(fragment.to_owned()));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // A password with a slash in it ends the authority early, and would be shown as a port.
        let is_cut = authority.contains(':') && !authority.starts_with('[') && split_authority(authority, 0).is_err() && rest.contains('@');
        if authority.contains('@') || is_cut {
            return Err(TargetError::Credentials);
        }
        if path.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(TargetError::Path);
        }
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let (host, port) = split_authority(authority, if is_secure { 443 } else { 80 })?;
        Self::reach(host, port, path, is_secure.then_some(tls))
    }

    /// With these hooks.
    #[must_use]
    pub fn with_hooks(self, hooks: Hooks) -> Self {
        Self { hooks, ..self }
    }

    /// What makes it do what the protocol cannot ask of it.
    pub fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query as they stand in the URL; empty if it has none. The requests of a case are made elsewhere: this is what they
    /// may take over.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True for `wss://`.
    pub fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        return false;
    }

    /// True if it is on this machine: an address of the loopback, or `localhost`.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        address.map_or_else(|_| self.host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
    }

    /// The value of its `Host` header (RFC 9110 § 7.2): without the port where that is the scheme's own.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_secure() { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    #[cfg(feature = "tls")]
    fn reach(host: String, port: u16, path: String, tls: Option<&Tls>) -> Result<Self, TargetError> {
        let tls = tls.map(|tls| Connector::new(&host, tls)).transpose()?;
        Ok(Self { host, port, path, hooks: Hooks::default(), tls })
    }

    #[cfg(not(feature = "tls"))]
    fn reach(host: String, port: u16, path: String, tls: Option<&Tls>) -> Result<Self, TargetError> {
        if tls.is_some() { Err(TargetError::NoTls) } else { Ok(Self { host, port, path, hooks: Hooks::default() }) }
    }
}

fn split_authority(authority: &str, usual: u16) -> Result<(String, u16), TargetError> {
    let no_host = || TargetError::Host(authority.to_owned());
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(no_host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| no_host())?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or_else(no_host)?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    if host.is_empty() || host.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(no_host());
    }
    let port = match port {
        "" => usual,
        port => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| TargetError::Port(port.to_owned()))?,
    };
    Ok((host.to_owned(), port))
}

/// A command that runs a client against the address it is given.
///
/// It runs under `sh -c`, in a process group of its own that is killed at the end of the case. `{url}` and `{port}` in it are replaced,
/// and every name of `tokens` in braces; a brace after `$` is the shell's. The command stays in the foreground: when it exits, so has
/// the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTarget {
    /// The command.
    pub command: String,
    /// Variables that are added to the environment.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub directory: Option<PathBuf>,
    /// What else is replaced in the command: `token` for `{token}`.
    pub tokens: BTreeMap<String, String>,
    /// The line that makes the client do something when it is written to its standard input, by the name of the stimulus.
    pub stimuli: BTreeMap<String, String>,
    /// Path and query of `{url}`, such as `/ws`.
    pub path: String,
}

impl ClientTarget {
    /// The command with everything replaced that stands in braces and has a value, for a server on this port.
    pub(super) fn command_for(&self, port: u16) -> String {
        let url = format!("ws://127.0.0.1:{port}{}", self.path);
        let value = |name: &str| match name {
            "url" => Some(url.clone()),
            "port" => Some(port.to_string()),
            _ => self.tokens.get(name).cloned(),
        };
        fill(&self.command, value)
    }
}

/// The command with every name in braces replaced that has a value. A brace after `$` is the shell's.
///
/// ```
/// use framegate::runner::fill;
///
/// let port = |name: &str| (name == "port").then(|| "80".to_owned());
/// assert_eq!(fill("serve {port} ${port} {other}", port), "serve 80 ${port} {other}");
/// ```
pub fn fill(command: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = command;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let named = after.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        let named = named.filter(|_| !before.ends_with('$'));
        let (piece, after) = named.unwrap_or_else(|| ("{".to_owned(), after));
        filled.push_str(&piece);
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Result<(String, u16, String, String), String> {
        let target = ServerTarget::parse(url, &Tls::default()).map_err(|error| error.to_string())?;
        Ok((target.host().to_owned(), target.port(), target.path().to_owned(), target.host_header()))
    }

    fn check(url: &str, host: &str, port: u16, path: &str, header: &str) {
        assert_eq!(parts(url), Ok((host.to_owned(), port, path.to_owned(), header.to_owned())), "{url}");
    }

    #[test]
    fn a_url_is_taken_apart() {
        check("ws://localhost:9000/ws?a=b", "localhost", 9000, "/ws?a=b", "localhost:9000");
        check("WS://example.org", "example.org", 80, "", "example.org");
        check("ws://[::1]:81", "::1", 81, "", "[::1]:81");
        check("ws://h?x", "h", 80, "/?x", "h");
    }

    #[test]
    fn a_url_that_names_no_server_is_refused_with_a_reason() {
        for url in ["http://h", "h:80", "ws:/h", ""] {
            assert!(parts(url).unwrap_err().contains("ws:// or wss://"), "{url}");
        }
        for url in ["ws://", "ws://:80", "ws://[::1", "ws://[::1]x", "ws://[x]", "ws://a b"] {
            assert!(parts(url).unwrap_err().contains("names no host"), "{url}");
        }
        assert!(parts("ws://h:0").unwrap_err().contains("no port"));
        assert!(parts("ws://h:99999").unwrap_err().contains("no port"));
        assert!(parts("ws://user:secret@h").unwrap_err().contains("credentials"));
        for url in ["ws://user:secret@h", "ws://user:secret/more@h"] {
            assert!(!parts(url).unwrap_err().contains("secret"), "{url}");
        }
        assert!(parts("ws://h/#x").is_err());
        assert!(parts("ws://h/a b").is_err());
    }

    #[test]
    fn only_names_with_a_value_are_replaced_in_a_command() {
        let target = ClientTarget {
            command: "run {url} {port} '{token}' ${port} {other} {{token}} {".to_owned(),
            tokens: BTreeMap::from([("token".to_owned(), "{port}".to_owned())]),
            path: "/ws".to_owned(),
            ..ClientTarget::default()
        };
        assert_eq!(target.command_for(7), "run ws://127.0.0.1:7/ws 7 '{port}' ${port} {other} {{port}} {");
    }
}
