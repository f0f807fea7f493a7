//! `--ca` and `--insecure`: which certificates of a server are good.

use std::path::PathBuf;

use framegate::runner::Tls;

/// Which certificates of a server are good.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Trust {
    /// Trust the certificates of this PEM file too
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca: Option<PathBuf>,
    /// Accept any certificate
    #[arg(long, requires = "server")]
    pub(crate) insecure: bool,
}

impl Trust {
    /// The same, as the runner takes it.
    pub(crate) fn tls(&self) -> Tls {
        Tls { ca: self.ca.clone(), insecure: self.insecure }
    }
}
