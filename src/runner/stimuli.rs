//! How a target is asked to do something.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::Notice;
use super::hook::Hooks;

/// Makes a peer on a real socket do things. Clones are the same handle; any thread may use it.
#[derive(Clone, Debug, Default)]
pub struct Prompts(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    names: Mutex<VecDeque<String>>,
    given: Notify,
}

impl Prompts {
    /// Makes the peer do what this stimulus stands for, once its session takes it.
    pub fn give(&self, name: &str) {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner).push_back(name.to_owned());
        self.0.given.notify_one();
    }

    /// The next one that was given.
    pub(super) async fn next(&self) -> String {
        loop {
            let name = self.0.names.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match name {
                Some(name) => return name,
                None => self.0.given.notified().await,
            }
        }
    }
}

/// Takes the names of stimuli and passes on what they stand for.
#[derive(Debug)]
pub(super) enum Stimuli {
    /// The target is another peer: it is told the name.
    Names(mpsc::UnboundedSender<String>),
    /// The target is a process: it is told the text that its settings give to the name.
    Texts(BTreeMap<String, String>, mpsc::UnboundedSender<String>),
    /// The target is a server with hooks: the session is told of those that fail.
    Hooks(Hooks, mpsc::Sender<Notice>),
    /// Nobody can ask the target for anything.
    Nothing,
}

impl Stimuli {
    /// Asks the target to do this. A target that is gone does nothing, which its transcript shows; a name that means nothing to it is
    /// an error.
    pub(super) fn give(&self, name: &str) -> Result<(), String> {
        match self {
            Self::Names(sender) => drop(sender.send(name.to_owned())),
            Self::Texts(texts, sender) => {
                let text = texts.get(name).ok_or_else(|| format!("the target has no text for the stimulus {name}"))?;
                let _ = sender.send(text.clone());
            }
            Self::Hooks(hooks, notices) => hooks.give(name, notices)?,
            Self::Nothing => return Err(format!("nothing can ask the target for the stimulus {name}")),
        }
        Ok(())
    }
}
