/*! What configtest wants to know about the files of a user, and what its helper has found: one record in each direction.

The helper (`wsgi-supervisor probe`) becomes the user before it looks at anything. It looks at files of that user, and runs a program of his, so its answer is no more to be
trusted than he is. *Runs in: parent (asks), helper (answers).* */

use crate::record::record;

/// The longest answer that is read.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// The longest request that is read.
pub const LONGEST_REQUEST: usize = 4 * 1024 * 1024;

/// How many milliseconds a helper has, all in all.
pub const LIMIT_MS: u64 = 10_000;

/// How many milliseconds of that the interpreter has which the helper runs.
pub const INTERPRETER_LIMIT_MS: u64 = 9_000;

/// Who the helper is to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id, never 0.
    pub uid: u32,
    /// Group id, never 0.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

record!(Identity { uid, gid, groups });

/// A script, or a directory of scripts if its path ends with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its path, as Apache sees it.
    pub path: Vec<u8>,
    /// The directive that names it, with its place: `WSGIScriptAlias at site.conf:3`.
    pub said_by: Vec<u8>,
}

record!(Script { path, said_by });

/// The questions. What is empty is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Who to become; `None` where the asking process is not root: the helper stays what it is.
    pub identity: Option<Identity>,
    /// The user's name, for messages that are to name it.
    pub user: Vec<u8>,
    /// Root directory (`chroot=`).
    pub root: Vec<u8>,
    /// The engine's file.
    pub engine: Vec<u8>,
    /// Choose an interpreter, and look at what it needs.
    pub python: bool,
    /// Run the interpreter, too.
    pub run: bool,
    /// It is about an Apache child, which starts Python itself.
    pub embedded: bool,
    /// The interpreter's shared library is needed, too.
    pub library: bool,
    /// The interpreter that is named (`python=`).
    pub executable: Vec<u8>,
    /// The home that is named.
    pub home: Vec<u8>,
    /// The second part of a home in two parts.
    pub exec_prefix: Option<Vec<u8>>,
    /// The directive or option that names executable or home, with its place.
    pub said_by: Vec<u8>,
    /// `PATH`, where nothing is named.
    pub path: Vec<u8>,
    /// The working directory.
    pub directory: Vec<u8>,
    /// Whether an option names it.
    pub directory_named: bool,
    /// `python-path=`
    pub python_path: Vec<Vec<u8>>,
    /// `python-eggs=`
    pub python_eggs: Vec<u8>,
    /// Where the sockets will be.
    pub sockets: Vec<u8>,
    /// Whether `WSGISocketPrefix` names it.
    pub sockets_named: bool,
    /// The scripts that the user is to load, or the directories that hold them.
    pub scripts: Vec<Script>,
}

record!(Request {
    identity,
    user,
    root,
    engine,
    python,
    run,
    embedded,
    library,
    executable,
    home,
    exec_prefix,
    said_by,
    path,
    directory,
    directory_named,
    python_path,
    python_eggs,
    sockets,
    sockets_named,
    scripts,
});

/// Something that was found: a message's number and its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// [`LogCode::number`](crate::log_code::LogCode::number)
    pub number: u32,
    /// Cause and hint.
    pub text: Vec<u8>,
}

record!(Finding { number, text });

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The real path of the interpreter's shared library, where it was asked for and found.
    pub library: Vec<u8>,
    /// The helper came to its end; it is the last entry of the record.
    pub complete: bool,
}

record!(Answer { findings, library, complete });

impl Answer {
    /// The answer in at most [`LONGEST_ANSWER`] bytes: of findings that do not fit, the last ones are left out.
    pub fn encode_bounded(mut self) -> Vec<u8> {
        loop {
            let bytes = self.encode();
            if bytes.len() <= LONGEST_ANSWER || self.findings.pop().is_none() {
                return bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Finding, Identity, LONGEST_ANSWER, Request};

    #[test]
    fn questions_and_answers_arrive() {
        let request = Request {
            identity: Some(Identity { uid: 7, gid: 8, groups: vec![9, 10] }),
            exec_prefix: Some(Vec::new()),
            python_path: vec![b"/a".to_vec(), b"/b".to_vec()],
            run: true,
            ..Request::default()
        };
        assert_eq!(Request::decode(&request.encode()), Ok(request));
        let answer = Answer { findings: vec![Finding { number: 1051, text: b"x".to_vec() }], library: vec![1], complete: true };
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }

    #[test]
    fn an_answer_keeps_its_bound() {
        let findings = vec![Finding { number: 1, text: vec![b'x'; 10_000] }; 20];
        let bytes = Answer { findings, complete: true, ..Answer::default() }.encode_bounded();
        assert!(bytes.len() <= LONGEST_ANSWER);
        assert!(Answer::decode(&bytes).is_ok_and(|answer| answer.complete && answer.findings.len() > 4));
    }
}
