//! How much memory processes hold, where the system tells: Linux, in `/proc`.

use std::fs;
use std::time::{Duration, Instant};

/// How long the list of a group's processes is taken to be right.
const LIST: Duration = Duration::from_secs(1);

/// Bytes of memory that this process holds. Nothing where the system does not tell.
pub fn resident() -> Option<u64> {
    held("self")
}

/// Bytes of memory that a process holds: its pages that are really there.
fn held(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Keeps every second look, the first among them: what few looks are left stand for as long as many did.
pub fn thin<T>(looks: &mut Vec<T>) {
    let mut is_kept = false;
    looks.retain(|_| {
        is_kept = !is_kept;
        is_kept
    });
}

/// The processes of a group. They are listed anew once in a while.
#[derive(Debug, Default)]
pub(super) struct Census {
    members: Vec<String>,
    listed: Option<Instant>,
}

impl Census {
    /// Bytes that all processes of this group hold.
    pub(super) fn count(&mut self, group: u32) -> Option<u64> {
        if self.listed.is_none_or(|listed| listed.elapsed() >= LIST) {
            self.members = members(group);
            self.listed = Some(Instant::now());
        }
        self.members.iter().filter_map(|process| held(process)).reduce(|sum, held| sum + held)
    }
}

fn members(group: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && group_of(name) == Some(group)).collect()
}

/// The group of a process: the third word after its name, which stands in parentheses and may hold anything.
fn group_of(process: &str) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_memory_and_so_does_its_group() {
        let own = resident().unwrap();
        assert!(own > 1024 * 1024, "{own}");
        let group = group_of("self").unwrap();
        assert!(Census::default().count(group).unwrap() > 1024 * 1024);
    }
}
