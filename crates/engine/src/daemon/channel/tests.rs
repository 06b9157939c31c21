/*! Conversations with a child, of which these trials take the part. */
#![allow(clippy::unwrap_used, clippy::panic, reason = "a trial that meets what it does not expect is to fail")]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use protocol::embedded::{RequestFlags, outcome};
use protocol::frame::{BodyState, Frame, Hello, Parsed, RequestHead, Sender, VERSION, Writer, parse};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, send, sendmsg,
    socketpair,
};
use shared_memory::{CHILDS, Part, Region};

use super::{Channel, Greeting, NoRequest};
use crate::daemon::channel::deferred_flush::DeferredFlush;
use crate::daemon::channel::shared_bodies::SharedBodies;
use crate::daemon::descriptors::adopt;
use crate::request::exchange::{Exchange, ReadError};
use crate::request::response_head::ResponseHead;

const GREETING: Greeting = Greeting { token: [7; 16], generation: 1 };

/// The other side of a connection.
struct Child {
    socket: OwnedFd,
    memory: Option<Region>,
}

impl Child {
    /// A connection on which both sides have greeted.
    fn connected() -> (Arc<Channel>, Self) {
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        let channel = Channel::new(adopt(near), 1000, Arc::new(DeferredFlush::default()), Arc::new(SharedBodies::new(1)), true);
        let child = Self { socket: far, memory: None };
        child.say(|writer| {
            writer.hello(&Hello { version: VERSION, generation: 1, token: [7; 16], ticket: None, build: b"test" });
        });
        assert_eq!(channel.next(&GREETING), Ok(None));
        (Arc::new(channel), child)
    }

    /// Two requests with bodies of their own, after which a child has been given memory.
    fn with_memory() -> (Arc<Channel>, Self) {
        let (channel, mut child) = Self::connected();
        for given in [false, true] {
            let body = vec![b'a'; CHILDS];
            child.ask(&channel, RequestFlags::empty(), |writer| {
                writer.body(&body);
                writer.body_end(BodyState::Complete);
            });
            assert!(read_all(&channel).unwrap() == body);
            child.hear(&channel);
            assert_eq!(child.memory.is_some(), given, "it is given to a child that has been greeted");
        }
        (channel, child)
    }

    fn say(&self, write: impl FnOnce(&mut Writer<'_>)) {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes));
        assert_eq!(send(&self.socket, &bytes, SendFlags::DONTWAIT), Ok(bytes.len()));
    }

    /// A request with that body, which the daemon begins.
    fn ask(&self, channel: &Channel, flags: RequestFlags, body: impl FnOnce(&mut Writer<'_>)) {
        let head = RequestHead {
            flags,
            script_mtime: 0,
            request_start: 0,
            queue_start: 0,
            script: b"/srv/app.wsgi",
            resource: b"",
            application_group: b"",
            callable: b"application",
        };
        self.say(|writer| {
            writer.request(&head, std::iter::empty()).unwrap();
            body(writer);
        });
        let request = channel.next(&GREETING).unwrap().unwrap();
        channel.recycle(request);
    }

    /// Puts a body into the memory, if that may be.
    fn put(&self, body: &[u8]) -> bool {
        let memory = self.memory.as_ref().unwrap();
        memory.take() && memory.put(Part::Childs, 0, body)
    }

    /// The daemon ends the request, and the child hears all of it.
    fn hear(&mut self, channel: &Arc<Channel>) {
        channel.start(&ResponseHead::new(200, b"OK")).unwrap();
        assert!(channel.finish(outcome::DONE, || {}));
        let mut bytes = Vec::with_capacity(1000);
        recv(&self.socket, rustix::buffer::spare_capacity(&mut bytes), RecvFlags::DONTWAIT).unwrap();
        let mut rest = bytes.as_slice();
        loop {
            match parse(rest, Sender::Daemon) {
                Ok(Parsed::Frame(Frame::End, _)) => break,
                Ok(Parsed::Frame(frame, length)) => {
                    if frame == Frame::Memory {
                        self.give_memory(channel);
                    }
                    rest = rest.get(length..).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Makes memory and sends it, which the daemon finds before the next request.
    fn give_memory(&mut self, channel: &Channel) {
        let (region, file) = Region::make().unwrap();
        self.send_memory(&file);
        assert_eq!(channel.next(&GREETING), Ok(None));
        assert!(self.memory.replace(region).is_none());
    }

    fn send_memory(&self, file: &OwnedFd) {
        let mut frame = Vec::new();
        Writer::new(&mut frame).memory();
        let (files, mut space) = ([file.as_fd()], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
        assert_eq!(sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::DONTWAIT), Ok(frame.len()));
    }
}

#[test]
fn memory_that_was_not_asked_for_ends_the_connection() {
    let (channel, child) = Child::connected();
    child.send_memory(&Region::make().unwrap().1);
    assert_eq!(channel.next(&GREETING), Err(NoRequest::Violation));
    let (channel, child) = Child::with_memory();
    child.send_memory(&Region::make().unwrap().1);
    assert_eq!(channel.next(&GREETING), Err(NoRequest::Violation), "it has some");
    let (channel, child) = Child::connected();
    child.say(|writer| writer.memory());
    assert_eq!(channel.next(&GREETING), Err(NoRequest::Violation), "there is no descriptor");
}

fn read(channel: &Arc<Channel>, most: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(most);
    let count = channel.read(bytes.spare_capacity_mut(), false)?;
    crate::capi::filled(&mut bytes, count);
    Ok(bytes)
}

fn read_all(channel: &Arc<Channel>) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    loop {
        let more = read(channel, 10_000)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

#[test]
fn a_large_body_comes_in_memory_when_the_child_has_some() {
    let (channel, mut child) = Child::with_memory();
    for round in 0..3 {
        let body = vec![b'b' + round; CHILDS];
        assert!(child.put(&body));
        child.ask(&channel, RequestFlags::empty(), |writer| {
            writer.lent_body(0, 65_536);
            writer.body_end(BodyState::Complete);
        });
        assert!(channel.has_whole_body());
        assert!(read_all(&channel).unwrap() == body);
        assert!(!child.memory.as_ref().unwrap().take(), "its request goes on");
        child.hear(&channel);
    }
    // One that comes through the socket all the same.
    child.ask(&channel, RequestFlags::empty(), |writer| {
        writer.body(b"short");
        writer.body_end(BodyState::Complete);
    });
    assert_eq!(read_all(&channel).unwrap(), b"short");
    child.hear(&channel);
    assert!(child.put(b"x"));
}

#[test]
fn a_body_in_memory_that_nobody_reads_to_its_end_is_in_nobodys_way() {
    let (channel, mut child) = Child::with_memory();
    for (most, came) in [(0, &b""[..]), (3, b"hel"), (5, b"hello")] {
        assert!(child.put(b"hello"), "after {most}");
        child.ask(&channel, RequestFlags::empty(), |writer| {
            writer.lent_body(0, 5);
            writer.body_end(BodyState::Complete);
        });
        if most > 0 {
            assert_eq!(read(&channel, most).unwrap(), came);
        }
        child.hear(&channel);
        channel.rest();
    }
    child.ask(&channel, RequestFlags::empty(), |writer| writer.body_end(BodyState::Complete));
    assert_eq!(read_all(&channel).unwrap(), b"");
}

#[test]
fn a_body_in_memory_may_have_parts_and_none_at_all() {
    let (channel, child) = Child::with_memory();
    assert!(child.put(b"hello world"));
    child.ask(&channel, RequestFlags::empty(), |writer| {
        writer.lent_body(6, 5);
        writer.lent_body(65_536, 0);
        writer.body(b", ");
        writer.lent_body(0, 5);
        writer.body_end(BodyState::Complete);
    });
    assert!(channel.has_whole_body());
    assert_eq!(read_all(&channel).unwrap(), b"world, hello");
}

#[test]
fn what_a_child_changes_is_read_as_it_is() {
    let (channel, mut child) = Child::with_memory();
    assert!(child.put(&[b'a'; 100]));
    child.ask(&channel, RequestFlags::empty(), |writer| {
        writer.lent_body(0, 100);
        writer.body_end(BodyState::Complete);
    });
    assert_eq!(read(&channel, 40).unwrap(), [b'a'; 40]);
    assert!(child.memory.as_ref().unwrap().put(Part::Childs, 0, &[b'b'; CHILDS]));
    assert_eq!(read_all(&channel).unwrap(), [b'b'; 60]);
    child.hear(&channel);
}

#[test]
fn a_body_that_lies_where_it_may_not_ends_the_connection() {
    let beyond: [(u32, u32); 4] = [(0, 65_537), (65_536, 1), (u32::MAX, u32::MAX), (u32::MAX, 1)];
    let cases = beyond.into_iter().map(|part| (vec![part], RequestFlags::empty())).chain([
        // More than may come unasked, and anything where nothing may.
        (vec![(0, 65_536), (0, 1)], RequestFlags::empty()),
        (vec![(0, 1)], RequestFlags::ON_DEMAND),
    ]);
    for (parts, flags) in cases {
        let (channel, child) = Child::with_memory();
        child.ask(&channel, flags, |writer| {
            for (offset, length) in &parts {
                writer.lent_body(*offset, *length);
            }
            writer.body_end(BodyState::Complete);
        });
        assert_eq!(read_all(&channel), Err(ReadError::Broken), "{parts:?}");
        assert!(channel.finish(outcome::DONE, || {}));
        assert_eq!(channel.next(&GREETING), Err(NoRequest::Violation), "{parts:?}");
    }
}

#[test]
fn a_body_in_memory_that_there_is_not_ends_the_connection() {
    for is_read in [true, false] {
        let (channel, child) = Child::connected();
        child.ask(&channel, RequestFlags::empty(), |writer| {
            writer.lent_body(0, 1);
            writer.body_end(BodyState::Complete);
        });
        if is_read {
            assert_eq!(read_all(&channel), Err(ReadError::Broken));
        }
        assert!(channel.finish(outcome::DONE, || {}));
        assert_eq!(channel.next(&GREETING), Err(NoRequest::Violation));
    }
}
