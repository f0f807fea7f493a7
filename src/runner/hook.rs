//! Commands that make a running server do what the protocol cannot ask of it: revoke a token, send something of its own accord, restart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::Notice;
use super::group::Group;

/// How much of what a failed hook said is kept.
const SAID: u64 = 500;

/// The hooks of a server, by the name of the stimulus.
///
/// Each runs under `sh -c`, in a process group of its own that is killed at the end of the case at the latest. It should return when it is
/// done; one that fails is a failure of the harness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// The commands.
    pub commands: BTreeMap<String, String>,
    /// Variables that are added to the environment.
    pub environment: Vec<(String, String)>,
    /// Where they run.
    pub directory: Option<PathBuf>,
}

impl Hooks {
    /// Runs the hook of this name beside the session, which is told if it fails.
    pub(super) fn give(&self, name: &str, notices: &mpsc::Sender<Notice>) -> Result<(), String> {
        let command = self.commands.get(name).ok_or_else(|| format!("the target has no hook for the stimulus {name}"))?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            shell.current_dir(directory);
        }
        #[cfg(unix)]
        shell.process_group(0);
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let (name, notices) = (name.to_owned(), notices.clone());
        tokio::spawn(async move {
            if let Err(problem) = run(shell).await {
                // A session that is over needs no hook any more.
                let _ = notices.send(Notice::Failed(format!("the hook {name} failed: {problem}"))).await;
            }
        });
        Ok(())
    }
}

async fn run(mut shell: Command) -> Result<(), String> {
    let mut child = shell.spawn().map_err(|error| error.to_string())?;
    let _group = Group::new(child.id());
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What it says beyond that blocks nobody: the pipe is closed.
        let _ = stderr.take(SAID).read_to_end(&mut said).await;
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&said);
    if status.success() { Ok(()) } else { Err(format!("{status} {}", said.trim()).trim_end().to_owned()) }
}
