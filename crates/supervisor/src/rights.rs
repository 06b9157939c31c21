/*! What the supervisor may do, and what it may take: it begins with all rights of httpd's parent and keeps those that this plan needs.

Rights that no group of the plan needs are given up for good. From the *bounding set*, which limits what a set-uid program of an application can gain, goes
what concerns the kernel itself (modules, raw devices, other processes' memory, policies, its log); what programs like `sudo`, `ping`, `mount` or a sandbox use stays, for
groups with `no-new-privileges=Off`. Limits that are the supervisor's own are undone in its children before they become Python. *Runs in: supervisor.* */

use std::sync::OnceLock;

use protocol::plan::Plan;
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};

/// Memory that the supervisor may have, bytes: many times what the largest plan and the bounds on messages come to.
const MEMORY: u64 = 512 * 1024 * 1024;
/// Descriptors of a process (control, messages, output, reports, memory file), and as many for its successor.
const BY_PROCESS: u64 = 2 * 8;
/// Descriptors of a group, and of the supervisor itself.
const BY_GROUP: u64 = 10;
const OWN: u64 = 128;
/// Writing for others than the owner, which no file of the supervisor's grants by oversight.
const UMASK: u32 = 0o022;

/// What concerns the kernel itself, and no program that an application executes.
const DANGEROUS: [CapabilitySet; 16] = [
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_PTRACE,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::SYS_PACCT,
    CapabilitySet::SYS_TTY_CONFIG,
    CapabilitySet::LINUX_IMMUTABLE,
    CapabilitySet::MAC_OVERRIDE,
    CapabilitySet::MAC_ADMIN,
    CapabilitySet::SYSLOG,
    CapabilitySet::WAKE_ALARM,
    CapabilitySet::BLOCK_SUSPEND,
    CapabilitySet::AUDIT_CONTROL,
    CapabilitySet::PERFMON,
    CapabilitySet::BPF,
    CapabilitySet::CHECKPOINT_RESTORE,
];

/// What was inherited and is given back to children: limits, and the file mode mask.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    /// Limits that the supervisor has changed for itself, as they were.
    pub limits: Vec<(Resource, Rlimit)>,
    /// httpd's umask.
    pub umask: u32,
}

static INHERITED: OnceLock<Inherited> = OnceLock::new();

/// What children get back.
pub fn inherited() -> Inherited {
    INHERITED.get().cloned().unwrap_or_else(|| {
        let umask = rustix::process::umask(Mode::from_raw_mode(UMASK));
        rustix::process::umask(umask);
        Inherited { limits: Vec::new(), umask: umask.as_raw_mode() }
    })
}

/// Sets the supervisor's own limits: descriptors as many as the plan may need, memory, no core file, and nobody looks into its memory.
pub fn limit(plan: &Plan) {
    let before = |what| (what, getrlimit(what));
    let umask = rustix::process::umask(Mode::from_raw_mode(UMASK)).as_raw_mode();
    rustix::process::umask(Mode::from_raw_mode(umask | UMASK));
    let limits = vec![before(Resource::Nofile), before(Resource::Data), before(Resource::Core)];
    for (what, limit) in &limits {
        let wanted = match what {
            Resource::Nofile => raised(*limit, descriptors(plan)),
            // The soft one alone, which can be given back to children without any right.
            Resource::Data => {
                vec![Rlimit { current: Some(limit.current.map_or(MEMORY, |soft| soft.min(MEMORY))), ..*limit }]
            }
            _ => vec![Rlimit { current: Some(0), ..*limit }],
        };
        // The best that can be had: what cannot is no reason not to serve.
        let _set = wanted.into_iter().any(|wanted| setrlimit(*what, wanted).is_ok());
    }
    if plan.privileged {
        // Without root everybody who could look into it has its rights, and an operator without root looks at it too.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap_or_default();
    }
    let _once: Result<(), Inherited> = INHERITED.set(Inherited { limits, umask });
}

/// Raises the limit of descriptors to what a further plan may need. The right to do so is never given up.
pub fn raise(plan: &Plan) {
    let now = getrlimit(Resource::Nofile);
    let enough = descriptors(plan);
    if now.current.is_some_and(|soft| soft < enough) {
        let _set = raised(now, enough).into_iter().any(|wanted| setrlimit(Resource::Nofile, wanted).is_ok());
    }
}

/// How many descriptors the plan may need.
fn descriptors(plan: &Plan) -> u64 {
    let one =
        |group: &protocol::plan::Group| u64::from(group.processes.max(1)).saturating_mul(BY_PROCESS).saturating_add(BY_GROUP);
    plan.groups.iter().map(one).fold(OWN, u64::saturating_add)
}

/// A limit of descriptors as high as it may be without a right, or as the plan needs, best first.
fn raised(limit: Rlimit, needed: u64) -> Vec<Rlimit> {
    let soft = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match limit.maximum {
        Some(hard) if hard < needed => vec![Rlimit { current: Some(needed), maximum: Some(needed) }, soft],
        _ => vec![soft],
    }
}

/// The rights that a plan needs.
fn needed(plan: &Plan) -> CapabilitySet {
    let base = [
        CapabilitySet::SETUID,
        CapabilitySet::SETGID,
        // Signals to processes of other users.
        CapabilitySet::KILL,
        // Sockets are their users'.
        CapabilitySet::CHOWN,
        // Limits above the inherited ones.
        CapabilitySet::SYS_RESOURCE,
    ];
    let mut all = base.into_iter().fold(CapabilitySet::empty(), CapabilitySet::union);
    if plan.groups.iter().any(|group| group.priority != 0) {
        all = all.union(CapabilitySet::SYS_NICE);
    }
    if plan.groups.iter().any(|group| !group.chroot.is_empty()) {
        // The way to a root directory may be closed to all but its user, and it is taken before the process is that user.
        all = all.union(CapabilitySet::SYS_CHROOT).union(CapabilitySet::DAC_READ_SEARCH);
    }
    all
}

/// Gives up every other right than those, for this process and its children. Nothing to do where httpd is not started as root.
///
/// # Errors
/// The kernel refused, in words: a supervisor with more rights than it needs is not started.
pub fn give_up(plan: &Plan) -> Result<(), String> {
    let failed = |what: &str, error: rustix::io::Errno| format!("{what}: {error}");
    let have = capabilities(None).map_err(|error| failed("its capabilities", error))?;
    // Without the right to (a container's), the set is what the container made it; without the capability there is nothing to remove.
    if have.effective.contains(CapabilitySet::SETPCAP) {
        for one in DANGEROUS {
            match remove_capability_from_bounding_set(one) {
                // A kernel that does not know it.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(failed("the bounding set of capabilities", error)),
            }
        }
    }
    // A kernel before 4.3 has none.
    clear_ambient_capability_set().unwrap_or_default();
    let kept = have.permitted.intersection(if plan.privileged { needed(plan) } else { CapabilitySet::empty() });
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|error| failed("could not drop capabilities", error))
}

#[cfg(test)]
mod tests {
    use protocol::plan::{Group, Plan};
    use rustix::process::Rlimit;
    use rustix::thread::CapabilitySet;

    use super::{DANGEROUS, descriptors, needed, raised};

    #[test]
    fn a_plan_gets_the_rights_that_its_groups_need() {
        let plan = |group: Group| Plan { groups: vec![Group::default(), group], ..Plan::default() };
        let plain = needed(&plan(Group::default()));
        assert!(plain.contains(CapabilitySet::SETUID) && !plain.contains(CapabilitySet::SYS_CHROOT));
        for never in DANGEROUS.into_iter().chain([CapabilitySet::SYS_ADMIN, CapabilitySet::DAC_OVERRIDE, CapabilitySet::SETPCAP])
        {
            assert!(!plain.contains(never), "{never:?}");
        }
        assert!(needed(&plan(Group { priority: 5, ..Group::default() })).contains(CapabilitySet::SYS_NICE));
        assert!(needed(&plan(Group { chroot: b"/jail".to_vec(), ..Group::default() })).contains(CapabilitySet::SYS_CHROOT));
    }

    #[test]
    fn descriptors_are_raised_to_what_the_groups_need() {
        let group = Group { processes: 10, ..Group::default() };
        let plan = Plan { groups: vec![group; 40], ..Plan::default() };
        assert_eq!(descriptors(&plan), 128 + 40 * 170);
        let limit = |soft, hard| Rlimit { current: Some(soft), maximum: Some(hard) };
        let wanted = |limits: Vec<Rlimit>| limits.into_iter().map(|limit| (limit.current, limit.maximum)).collect::<Vec<_>>();
        assert_eq!(wanted(raised(limit(72, 4096), 1000)), [(Some(4096), Some(4096))]);
        assert_eq!(wanted(raised(limit(72, 100), 1000)), [(Some(1000), Some(1000)), (Some(100), Some(100))]);
    }
}
