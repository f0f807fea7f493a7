//! Where a credential is kept: in a variable of the environment or in a file. The file never holds the credential itself.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// Where a credential is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// In this variable of the environment.
    Variable(String),
    /// In this file, without its last line feed.
    File(PathBuf),
}

impl Held {
    /// Reads `env:NAME` or `file:PATH`.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let (kind, rest) = value.as_str()?.split_once(':')?;
        match kind {
            _ if rest.is_empty() => None,
            "env" => Some(Self::Variable(rest.to_owned())),
            "file" => Some(Self::File(PathBuf::from(rest))),
            _ => None,
        }
    }

    /// The credential, or why it cannot be had. Paths are from this folder.
    pub(super) fn value(&self, folder: &Path) -> Result<String, String> {
        let value = match self {
            Self::Variable(name) => env::var(name).map_err(|_| format!("the variable {name} is not set"))?,
            Self::File(path) => {
                let path = folder.join(path);
                let text = fs::read_to_string(&path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
                text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line)).to_owned()
            }
        };
        if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credential_is_named_by_its_place_and_is_never_its_own_place() {
        assert_eq!(Held::parse(&json!("env:A")), Some(Held::Variable("A".to_owned())));
        for wrong in [json!("s3cret"), json!("env:"), json!("vault:x"), json!(5), json!(null)] {
            assert_eq!(Held::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_line_feed() {
        let folder = tempfile::tempdir().unwrap();
        let value = |text: &str| {
            fs::write(folder.path().join("token"), text).unwrap();
            Held::parse(&json!("file:token")).unwrap().value(folder.path())
        };
        assert_eq!(value("abc\r\n").as_deref(), Ok("abc"));
        assert_eq!(value("a\nb\n\n").as_deref(), Ok("a\nb\n"));
        assert_eq!(value("\n"), Err("it is empty".to_owned()));
        assert!(Held::parse(&json!("file:none")).unwrap().value(folder.path()).unwrap_err().starts_with("failed to read"));
    }
}
