//! The process of a client under test: started in a process group of its own, told what to do on its standard input, and killed with
//! all its children at the end.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Notice;
use super::group::Group;
use super::target::ClientTarget;
use crate::transcript::Process;

/// How many lines of standard error are kept, and how much of each.
const LINES: usize = 20;
const LINE: usize = 500;

/// The signal by which a process is killed; POSIX gives it this number.
const SIGKILL: i32 = 9;

/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(2);

/// How long the last words of a process that is gone are waited for. What it left behind may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long the end of a process is held back, so that what it sent before is read before it. The system tells both, in no order.
const LAST_BYTES: Duration = Duration::from_millis(50);

/// A process that runs. Dropping it kills the process too, but does not wait.
#[derive(Debug)]
pub(super) struct Running {
    lines: mpsc::UnboundedSender<String>,
    kill: oneshot::Sender<()>,
    task: JoinHandle<Process>,
}

/// Starts the client against a server on this port. Its end is noticed there.
pub(super) fn start(target: &ClientTarget, port: u16, notices: mpsc::Sender<Notice>) -> io::Result<Running> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(target.command_for(port));
    command.envs(target.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &target.directory {
        command.current_dir(directory);
    }
    #[cfg(unix)]
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (lines, said) = mpsc::unbounded_channel();
    let (kill, killed) = oneshot::channel();
    tokio::spawn(write_lines(child.stdin.take(), said));
    let task = tokio::spawn(supervise(child, killed, notices));
    Ok(Running { lines, kill, task })
}

impl Running {
    /// Takes lines for the standard input of the process.
    pub(super) fn lines(&self) -> mpsc::UnboundedSender<String> {
        self.lines.clone()
    }

    /// Kills the process and its children, if they still run, and says how it ended.
    pub(super) async fn end(self) -> Process {
        // A process that has ended already waits for no order.
        let _ = self.kill.send(());
        self.task.await.unwrap_or_default()
    }
}

/// Waits for the process to end or to be killed.
async fn supervise(mut child: Child, killed: oneshot::Receiver<()>, notices: mpsc::Sender<Notice>) -> Process {
    let group = Group::new(child.id());
    let last_lines = Arc::new(Mutex::new(VecDeque::new()));
    let mut reader = tokio::spawn(keep_last_lines(child.stderr.take(), Arc::clone(&last_lines)));
    let status = tokio::select! {
        biased;
        status = child.wait() => Some(status),
        _ = killed => None,
    };
    let was_ordered = status.is_none();
    drop(group);
    let status = if let Some(status) = status {
        status.ok()
    } else {
        // The group may have been out of reach.
        let _ = child.start_kill();
        timeout(REAP, child.wait()).await.ok().and_then(Result::ok)
    };
    if timeout(LAST_WORDS, &mut reader).await.is_err() {
        reader.abort();
    }
    let stderr = last_lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    // One that another signal had ended when the order came, and nobody had been told of it yet, shows its own end.
    let killed = was_ordered && signal(status).is_none_or(|signal| signal == SIGKILL);
    let process = Process { code: status.and_then(|status| status.code()), signal: signal(status), killed, stderr };
    if !was_ordered {
        sleep(LAST_BYTES).await;
        // A session that is over learns it from `Running::end`.
        let _ = notices.send(Notice::Exited(process.clone())).await;
    }
    process
}

#[cfg(unix)]
fn signal(status: Option<ExitStatus>) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status?)
}

#[cfg(not(unix))]
fn signal(_: Option<ExitStatus>) -> Option<i32> {
    None
}

/// Writes each line, until the process takes no more.
async fn write_lines(stdin: Option<ChildStdin>, mut lines: mpsc::UnboundedReceiver<String>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(line) = lines.recv().await {
        if stdin.write_all(format!("{line}\n").as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn keep_last_lines(stream: Option<impl AsyncRead + Unpin>, kept: Arc<Mutex<VecDeque<String>>>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = vec![0; 4096];
    let mut line = Vec::new();
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        for byte in &chunk[..count] {
            match byte {
                b'\n' => keep(&kept, &std::mem::take(&mut line)),
                _ if line.len() < LINE => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        keep(&kept, &line);
    }
}

fn keep(kept: &Mutex<VecDeque<String>>, line: &[u8]) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == LINES {
        kept.pop_front();
    }
    kept.push_back(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
}
