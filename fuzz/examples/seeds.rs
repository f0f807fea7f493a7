//! Writes the seeds of every target into `corpus/<target>/` and the dictionary into `dictionary`, beneath the folder that is named.

use std::path::Path;
use std::{env, fs, io};

use framegate_fuzz::{TARGETS, seed};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).ok_or_else(|| io::Error::other("name the folder to write to, such as `fuzz`"))?;
    let folder = Path::new(&folder);
    for (name, _) in TARGETS {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus)?;
        for (index, bytes) in seed::seeds(name).iter().enumerate() {
            fs::write(corpus.join(format!("seed-{index:03}")), bytes)?;
        }
    }
    let quoted = |word: &String| format!("\"{}\"\n", word.replace('\\', "\\\\").replace('"', "\\\""));
    fs::write(folder.join("dictionary"), seed::words().iter().map(quoted).collect::<String>())
}
