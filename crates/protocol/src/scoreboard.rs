/*! What httpd says of its processes and threads, for `mod_wsgi.server_metrics()`.

The Apache module takes a [`Scoreboard`] from httpd's own. In embedded mode the engine gets it by a call; for daemon processes of groups with
`server-metrics=On` it is written to a memory file that they can only read, as [`seal`] makes it: whoever reads while somebody writes
notices, and reads again. *Runs in: child and parent (written), child and daemon (read).* */

use crate::record::record;

/// httpd as a whole. Times are microseconds since the epoch; 0: never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scoreboard {
    /// `ServerLimit`
    pub server_limit: u32,
    /// `ThreadLimit`
    pub thread_limit: u32,
    /// How often the configuration was read again.
    pub running_generation: i32,
    /// When httpd last started or restarted.
    pub restart_time: i64,
    /// The children that there are.
    pub processes: Vec<Process>,
}

record!(Scoreboard { server_limit, thread_limit, running_generation, restart_time, processes });

/// A child of httpd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its place among the children, from 0.
    pub number: u32,
    /// Its process id.
    pub pid: i32,
    /// The generation that it belongs to.
    pub generation: i32,
    /// It begins no further requests.
    pub quiescing: bool,
    /// Its threads, one for each of `ThreadLimit`.
    pub workers: Vec<Worker>,
}

record!(Process { number, pid, generation, quiescing, workers });

/// A thread of a child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Its number in the whole server.
    pub thread_num: i32,
    /// The generation that it belongs to.
    pub generation: i32,
    /// What it does, as mod_status shows it (`_`, `W`, …).
    pub status: u32,
    /// Requests so far (`ExtendedStatus On`, as all that follows).
    pub access_count: u64,
    /// Bytes of their responses.
    pub bytes_served: u64,
    /// When it began its last request.
    pub start_time: i64,
    /// When it ended that.
    pub stop_time: i64,
    /// When it last did anything.
    pub last_used: i64,
    /// Whose request it was.
    pub client: Vec<u8>,
    /// Its first line.
    pub request: Vec<u8>,
    /// The virtual host.
    pub vhost: Vec<u8>,
}

record!(Worker {
    thread_num,
    generation,
    status,
    access_count,
    bytes_served,
    start_time,
    stop_time,
    last_used,
    client,
    request,
    vhost,
});

/// How long [`seal`]'s beginning is.
pub const HEADER: usize = 24;

/// Size of the file: no scoreboard is longer, and nobody can make the file longer or shorter.
pub const LONGEST: usize = 64 << 20;

/// How many bytes of a file that begins so belong to what was last written, up to [`LONGEST`]; [`HEADER`] at least.
pub fn length(header: &[u8]) -> usize {
    let content = header.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    usize::try_from(content).unwrap_or(LONGEST).saturating_add(HEADER).min(LONGEST)
}

/// `content` behind its length, a checksum, and until when it is good enough (microseconds of the monotonic clock).
pub fn seal(content: &[u8], until: u64) -> Vec<u8> {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    [&length.to_le_bytes()[..], &checksum(content).to_le_bytes(), &until.to_le_bytes(), content].concat()
}

/// Until when the content of a file that begins so is good enough; `None` for one that nobody has written to.
pub fn good_until(file: &[u8]) -> Option<u64> {
    let (length, rest) = file.split_first_chunk()?;
    let (_, rest) = rest.split_first_chunk::<8>()?;
    (u64::from_le_bytes(*length) > 0).then_some(u64::from_le_bytes(*rest.first_chunk()?))
}

/// What [`seal`] was given; `None` if it was not read whole. What follows in the file is of an earlier, longer one.
pub fn unseal(file: &[u8]) -> Option<&[u8]> {
    let (length, rest) = file.split_first_chunk()?;
    let (sum, _) = rest.split_first_chunk()?;
    let content = file.get(HEADER..)?.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    (!content.is_empty() && checksum(content) == u64::from_le_bytes(*sum)).then_some(content)
}

/// FNV-1a, 64 bits: a mixture of two writings is told from either of them.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use super::{HEADER, LONGEST, Process, Scoreboard, Worker, good_until, length, seal, unseal};

    fn sample() -> Scoreboard {
        let worker = |number| Worker { thread_num: number, status: 87, request: b"GET / HTTP/1.1".to_vec(), ..Worker::default() };
        let process = |number| Process { number, pid: 100, workers: vec![worker(0), worker(1)], ..Process::default() };
        Scoreboard {
            server_limit: 2,
            thread_limit: 2,
            restart_time: -1,
            processes: vec![process(0), process(1)],
            ..Scoreboard::default()
        }
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        assert_eq!(Scoreboard::decode(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let content = sample().encode();
        let file = seal(&content, 77);
        assert_eq!((unseal(&file), good_until(&file)), (Some(&content[..]), Some(77)));
        for cut in 0..file.len() {
            assert_eq!(unseal(&file[..cut]), None, "cut at {cut}");
        }
        assert_eq!(length(&file), file.len());
        // A longer one stood there before.
        assert_eq!(unseal(&[&file[..], b"old"].concat()), Some(&content[..]));
        for place in HEADER..file.len() {
            let mut torn = file.clone();
            torn[place] ^= 1;
            assert_eq!(unseal(&torn), None, "torn at {place}");
        }
    }

    #[test]
    fn a_length_is_bounded() {
        assert_eq!([length(&[0xff; HEADER]), length(&[0; HEADER]), length(&[])], [LONGEST, HEADER, HEADER]);
    }

    #[test]
    fn a_file_that_nobody_wrote_to_says_nothing() {
        assert_eq!((unseal(&[0; 100]), good_until(&[0; 100])), (None, None));
        assert_eq!((unseal(b""), good_until(b"")), (None, None));
    }
}
