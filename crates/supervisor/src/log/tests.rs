/*! Lines on their way to the log writer, to files, pipes and sockets. *Runs in: tests.* */

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

use super::{Level, Log, Target, WAITING, render};
use protocol::log_line::{Line, Message, decode};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

fn file(fd: impl Into<OwnedFd>) -> Target {
    Target { writer: None, server: 0, file: Some(fd.into()), least: Level::Warning }
}

/// The socket of a log writer, from its side and from ours.
fn writer() -> (OwnedFd, Rc<OwnedFd>) {
    let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    (theirs, Rc::new(ours))
}

/// The next line that the log writer gets: server, process, text.
fn heard(socket: &OwnedFd) -> Option<(u32, u32, String)> {
    let mut buffer = [0; 9_000];
    let (count, _) = recv(socket, &mut buffer, RecvFlags::DONTWAIT).ok()?;
    match decode(&buffer[..count]) {
        Some(Message::Line(Line { server, pid, text, .. })) => Some((server, pid, String::from_utf8_lossy(text).into_owned())),
        _ => None,
    }
}

#[test]
fn the_log_writer_gets_lines_as_they_are() {
    let (theirs, ours) = writer();
    let (_reader, pipe) = std::io::pipe().unwrap();
    let mut log = Log::new(Target { writer: Some(ours), server: 7, ..file(pipe) });
    log.output(12, b"<6>not wanted");
    log.output(12, b"an \x1b application's");
    assert_eq!(heard(&theirs), Some((7, 12, "an \x1b application's".to_owned())));
    assert_eq!(heard(&theirs), None);
}

#[test]
fn a_log_writer_that_stands_still_loses_lines_and_is_told_how_many() {
    let (theirs, ours) = writer();
    let (_reader, pipe) = std::io::pipe().unwrap();
    let mut log = Log::new(Target { writer: Some(ours), server: 0, ..file(pipe) });
    for number in 0..4_000 {
        log.line(Level::Error, 1, format!("{number} {}", "x".repeat(1_000)).as_bytes());
    }
    assert!(log.lost > 0 && log.bytes <= WAITING && log.wants().is_some() && log.is_behind());
    let mut seen = Vec::new();
    while log.wants().is_some() {
        while let Some((_, _, text)) = heard(&theirs) {
            seen.push(text);
        }
        log.flush();
    }
    assert!(!log.is_behind());
    let lost = log.lost;
    log.line(Level::Error, 1, b"after");
    seen.extend(std::iter::from_fn(|| heard(&theirs)).map(|(_, _, text)| text));
    let numbers: Vec<u64> = seen.iter().filter_map(|text| text.split_once(' ')?.0.parse().ok()).collect();
    assert_eq!(numbers, (0..4_000 - lost).collect::<Vec<_>>());
    assert!(seen[seen.len() - 2].contains(&format!("{lost} lines were lost")) && seen[seen.len() - 1] == "after");
}

#[test]
fn without_its_log_writer_a_log_is_written_to_directly() {
    let (theirs, ours) = writer();
    let (mut reader, pipe) = std::io::pipe().unwrap();
    let mut log = Log::new(Target { writer: Some(ours), server: 0, ..file(pipe) });
    drop(theirs);
    log.line(Level::Error, 5, b"one");
    log.line(Level::Error, 5, b"two");
    drop(log);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.lines().count() == 2 && text.ends_with("[wsgi:error] [pid 5] two\n"), "{text}");
}

#[test]
fn a_new_generation_gets_what_waits() {
    let ((full, ours), (theirs, next)) = (writer(), writer());
    let (_reader, pipe) = std::io::pipe().unwrap();
    let mut log = Log::new(Target { writer: Some(ours), server: 0, ..file(pipe.try_clone().unwrap()) });
    while log.wants().is_none() {
        log.line(Level::Error, 1, &[b'x'; 1_000]);
    }
    log.replace(Target { writer: Some(next), server: 3, least: Level::Info, ..file(pipe) });
    log.line(Level::Info, 1, b"for the new one");
    let seen: Vec<_> = std::iter::from_fn(|| heard(&theirs)).collect();
    assert_eq!(seen.last(), Some(&(3, 1, "for the new one".to_owned())));
    assert_eq!(seen.len(), 2);
    drop(full);
}

#[test]
fn lines_look_like_httpds_and_forge_nothing() {
    let line = String::from_utf8(render(Level::Error, 4711, b"a\tb\r\x1b[0m \xc3\xa4\xc2\x9b\x9d\x7f")).unwrap();
    assert!(
        line.starts_with('[') && line.ends_with("] [wsgi:error] [pid 4711] a\tb\\x0d\\x1b[0m \u{e4}\\x9b\\x9d\\x7f\n"),
        "{line}"
    );
}

#[test]
fn a_full_pipe_blocks_nobody_and_the_loss_is_told() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut log = Log::new(file(writer));
    // Far more than the pipe (64 KiB) and what may wait can hold.
    for _ in 0..1_000 {
        log.line(Level::Error, 1, &[b'x'; 1_000]);
    }
    assert!(log.bytes <= WAITING && log.lost > 0 && log.wants().is_some());
    let mut seen = Vec::new();
    while log.wants().is_some() {
        let mut buffer = [0; 65_536];
        let count = reader.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
        log.flush();
    }
    log.line(Level::Error, 1, b"after");
    drop(log);
    reader.read_to_end(&mut seen).unwrap();
    let text = String::from_utf8(seen).unwrap();
    assert!(text.lines().all(|line| line.starts_with('[')), "no line is torn");
    assert!(text.contains("lines were lost") && text.ends_with("after\n"));
}

#[test]
fn levels_are_kept_and_obeyed() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut log = Log::new(file(writer));
    for line in ["<4>engine", "<6>too much", "application", "<x>odd", "<5>notice"] {
        log.output(7, line.as_bytes());
    }
    drop(log);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let said: Vec<_> = text.lines().map(|line| line.split("] [").skip(1).collect::<Vec<_>>().join(" ")).collect();
    let expected =
        ["wsgi:warn pid 7] engine", "wsgi:error pid 7] application", "wsgi:error pid 7] <x>odd", "wsgi:notice pid 7] notice"];
    assert_eq!(said, expected);
}

#[test]
fn a_file_is_written_by_a_thread() {
    let path = std::env::temp_dir().join(format!("wsgi-log-{}", std::process::id()));
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
    let mut log = Log::new(file(opened));
    assert!(log.thread.is_some());
    for number in 0..1_000 {
        log.line(Level::Error, 1, format!("line {number}").as_bytes());
    }
    log.finish(Instant::now() + Duration::from_secs(60));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(text.lines().count() == 1_000 && text.ends_with("line 999\n"), "{} lines", text.lines().count());
}

#[test]
fn a_closed_log_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut log = Log::new(file(writer));
    drop(reader);
    log.line(Level::Error, 1, b"to nobody");
    assert!(log.waiting.is_empty());
}

#[test]
fn a_socket_is_written_to_as_well() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut log = Log::new(file(ours));
    log.line(Level::Notice, 1, b"hello");
    drop(log);
    let mut text = String::new();
    theirs.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("[wsgi:notice] [pid 1] hello\n"), "{text}");
}
