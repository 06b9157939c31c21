/*! Whether it was the kernel that killed a process, because memory was out: it counts such kills, for a control group and for the whole machine.

A SIGKILL does not say who sent it. A count that has grown since it was looked at last is the best that can be known without reading the kernel's log,
and the line says what it goes by. *Runs in: supervisor.* */

use std::path::{Path, PathBuf};

/// How many processes the kernel has killed so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomKills {
    /// In the supervisor's control group and below it.
    group: Option<u64>,
    /// On the whole machine.
    machine: Option<u64>,
}

impl OomKills {
    /// Looks.
    pub fn now() -> Self {
        Self::below(Path::new("/"))
    }

    fn below(root: &Path) -> Self {
        let read = |path: &Path| std::fs::read_to_string(root.join(path)).ok();
        let own = read(Path::new("proc/self/cgroup"));
        let events = own.as_deref().and_then(events_file).and_then(|file| read(&file));
        Self {
            group: events.as_deref().and_then(|text| count(text, "oom_kill")),
            machine: read(Path::new("proc/vmstat")).as_deref().and_then(|text| count(text, "oom_kill")),
        }
    }

    /// By what it is known that there was such a kill after `before`; `None` if it is not.
    pub fn since(&self, before: &Self) -> Option<String> {
        let grown = |now: Option<u64>, before: Option<u64>| matches!((now, before), (Some(now), Some(before)) if now > before);
        if grown(self.group, before.group) {
            return Some("memory.events of its control group counts it".to_owned());
        }
        // A machine without control groups, or a process in another one. The count knows no names, so it may have been somebody else's.
        (self.group.is_none() && grown(self.machine, before.machine))
            .then(|| "the kernel counted such a kill at that time; the kernel log names the process".to_owned())
    }
}

/// `memory.events` of the control group that /proc/self/cgroup names (version 2), relative to the root.
fn events_file(cgroup: &str) -> Option<PathBuf> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new("sys/fs/cgroup").join(path).join("memory.events"))
}

fn count(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

    use super::OomKills;
    use std::path::Path;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_count_that_grows_tells_of_a_kill() {
        let root = std::env::temp_dir().join(format!("wsgi-kills-{}", std::process::id()));
        write(&root, "proc/vmstat", "nr_free_pages 5\noom_kill 3\n");
        let bare = OomKills::below(&root);
        write(&root, "proc/vmstat", "nr_free_pages 5\noom_kill 4\n");
        let grown = OomKills::below(&root);
        assert!(bare.since(&bare).is_none() && grown.since(&bare).is_some_and(|known| known.contains("the kernel counted")));
        write(&root, "proc/self/cgroup", "1:name=systemd:/\n0::/system.slice/apache2.service\n");
        let events = "sys/fs/cgroup/system.slice/apache2.service/memory.events";
        write(&root, events, "low 0\noom 2\noom_kill 0\noom_group_kill 0\n");
        let calm = OomKills::below(&root);
        write(&root, "proc/vmstat", "oom_kill 9\n");
        assert!(OomKills::below(&root).since(&calm).is_none(), "somebody else's control group");
        write(&root, events, "oom_kill 1\n");
        assert!(OomKills::below(&root).since(&calm).is_some_and(|known| known.contains("memory.events")));
        std::fs::remove_dir_all(root).unwrap();
    }
}
