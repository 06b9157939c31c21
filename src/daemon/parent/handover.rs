/*! A further configuration for the supervisor that is at work: its plan, and the descriptors that the plan names, over the command socket.

The supervisor takes it up if it is of this build and environment, and has kept the rights that the plan needs. Otherwise another supervisor is started, which takes over when its groups are
ready. *Runs in: parent.* */

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use protocol::kept::{Kept, Supervisor};
use protocol::plan::Plan;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::PipeFlags;

use crate::httpd::Pool;
use crate::httpd::system::descriptor;
use crate::install_paths;

/// Most descriptors of a message. The kernel passes no more than 253.
const MOST: usize = 200;

/// What must be the same for a supervisor and its processes to go on: the files of engine and supervisor, and the environment that processes inherit. Empty if
/// it can't be known.
pub fn build() -> Vec<u8> {
    let file = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        let times = [found.mtime(), found.mtime_nsec()].map(i64::to_le_bytes);
        let numbers = [found.dev(), found.ino(), found.size()].map(u64::to_le_bytes);
        Some([times.concat(), numbers.concat()].concat())
    };
    let files = [install_paths::engine(), install_paths::supervisor()].map(|path| path.ok().and_then(|path| file(&path)));
    let [Some(engine), Some(supervisor)] = files else { return Vec::new() };
    let mut environment = DefaultHasher::new();
    std::env::vars_os().collect::<BTreeSet<_>>().hash(&mut environment);
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    [version, &protocol::frame::VERSION.to_le_bytes(), &environment.finish().to_le_bytes(), &engine, &supervisor].concat()
}

/// Whether a supervisor can take up a plan. `before`: the plan that it has.
fn fits(supervisor: &Supervisor, plan: &Plan, before: &Plan) -> bool {
    let rights = plan.rights();
    let known: BTreeSet<&[u8]> = before.groups.iter().map(|group| group.socket_directory.as_slice()).collect();
    !supervisor.build.is_empty()
        && supervisor.build == build()
        && plan.privileged == before.privileged
        && plan.engine == before.engine
        && (supervisor.may_chroot || !rights.chroot)
        && (supervisor.may_prioritise || !rights.priority)
        // The directory of the sockets is made with rights that are given up afterwards.
        && plan.groups.iter().all(|group| group.table.is_none() || known.contains(group.socket_directory.as_slice()))
}

/// Hands `plan` to the newest supervisor. Whether that has it now; if not, another supervisor is to be started.
pub fn hand_over(logs: Pool<'_>, kept: &mut Kept, plan: &Plan) -> bool {
    let Ok(before) = Plan::decode(&kept.plan) else { return false };
    let Some(last) = kept.supervisors.last_mut().filter(|last| fits(last, plan, &before)) else { return false };
    let Some(socket) = last.successor.and_then(descriptor::lend) else { return false };
    let Ok((next, closes)) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC) else { return false };
    let plan = Plan { next_configuration: u32::try_from(next.as_raw_fd()).ok(), ..plan.clone() };
    let encoded = plan.encode();
    let Ok(memory) = shared_memory::seal(c"mod_wsgi_rs-plan", &encoded) else { return false };
    let files: Option<Vec<BorrowedFd<'_>>> =
        plan.named().into_iter().map(|number| descriptor::lend(i32::try_from(number).ok()?)).collect();
    let Some(files) = files else { return false };
    // One that gets a part of it alone goes on with what it has, until the one that is started now takes over.
    let handed = send(socket, b"P", &[memory.as_fd()]) && files.chunks(MOST).all(|files| send(socket, b"F", files));
    let Some(closes) = handed.then(|| logs.close_at_end(closes).ok()).flatten() else { return false };
    last.next_configuration = Some(closes);
    last.generation = plan.generation;
    last.shutdown_timeout = plan.shutdown_timeout().max(last.shutdown_timeout);
    kept.plan = encoded;
    true
}

/// Sends a byte with descriptors. It never waits.
fn send(socket: BorrowedFd<'_>, byte: &[u8], files: &[BorrowedFd<'_>]) -> bool {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    beside.push(SendAncillaryMessage::ScmRights(files))
        && sendmsg(socket, &[IoSlice::new(byte)], &mut beside, flags) == Ok(byte.len())
}
