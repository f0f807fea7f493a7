//! `framegate.yaml`: the targets of a repository by name. It is found upwards from the working directory, or named with `--config`.

mod check;
mod file;
mod held;
mod named;

use std::path::{Path, PathBuf};
use std::{env, fs};

use framegate::pack::Form;

pub(crate) use named::Named;

use super::Failure;
use file::Config;

/// The name under which it is looked for.
pub(crate) const FILE: &str = "framegate.yaml";

/// A file that was read, and where it stands.
#[derive(Debug)]
struct Found {
    form: Form<Config>,
    path: PathBuf,
}

impl Found {
    /// The file of this path or, without one, the nearest upwards from the working directory, if there is any.
    fn look(named: Option<&Path>) -> Result<Option<Self>, Failure> {
        let path = named.map_or_else(upwards, |path| Some(path.to_owned()));
        path.map(Self::read).transpose()
    }

    fn read(path: PathBuf) -> Result<Self, Failure> {
        let text = fs::read_to_string(&path).map_err(|source| Failure::Read { path: path.clone(), source })?;
        let form = Form::read(&path.display().to_string(), &text, "config").map_err(Failure::Mistakes)?;
        Ok(Self { form, path })
    }

    /// The folder that its paths are from.
    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

fn upwards() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    let found = here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())?;
    // In the working directory itself, its name says enough.
    Some(if found.parent() == Some(&here) { PathBuf::from(FILE) } else { found })
}
