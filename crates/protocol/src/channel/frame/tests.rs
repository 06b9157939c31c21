/*! Every frame there and back, at every cut, and the ways to break the rules. */
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::redundant_closure_for_method_calls,
    clippy::panic,
    reason = "a test that meets what it does not expect is to fail"
)]

use super::{
    AbortReason, BodyState, Frame, HEAD_LENGTH, Hello, LONGEST_DATA, Parsed, RefusedReason, RequestHead, Sender, Violation,
    Writer, may_bring_descriptor, parse,
};
use crate::embedded::RequestFlags;
use crate::table::Ticket;

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = Vec::new();
    write(&mut Writer::new(&mut buffer));
    buffer
}

fn request_head() -> RequestHead<'static> {
    RequestHead {
        flags: RequestFlags::from_bits_retain(3),
        script_mtime: i64::MIN,
        request_start: 1,
        queue_start: 2,
        script: b"/srv/app.wsgi",
        resource: b"",
        application_group: b"shop",
        callable: b"application",
    }
}

fn every_frame() -> Vec<(Sender, Vec<u8>)> {
    let environ: [(&[u8], Option<&[u8]>); 3] = [(b"A", Some(b"1")), (b"B", None), (b"C", Some(b""))];
    let fields: [(&[u8], &[u8]); 2] = [(b"X", b"1"), (b"X", b"")];
    let hello =
        Hello { version: 1, generation: 7, token: [9; 16], ticket: Some(Ticket { number: 3, serial: 4 }), build: b"0.1.0" };
    vec![
        (Sender::Child, written(|w| w.hello(&hello))),
        (Sender::Daemon, written(|w| w.hello(&hello))),
        (Sender::Child, written(|w| w.request(&request_head(), environ.into_iter()).unwrap())),
        (Sender::Child, written(|w| w.body(b"abc"))),
        (Sender::Child, written(|w| w.lent_body(5, 6))),
        (Sender::Child, written(|w| w.body_end(BodyState::Aborted))),
        (Sender::Daemon, written(|w| w.want(65536))),
        (Sender::Child, written(|w| w.client_gone())),
        (Sender::Daemon, written(|w| w.head(200, b"OK", fields.into_iter()).unwrap())),
        (Sender::Daemon, written(|w| w.data(b"abc"))),
        (Sender::Daemon, written(|w| w.file(5, 6))),
        (Sender::Daemon, written(|w| w.memory())),
        (Sender::Child, written(|w| w.memory())),
        (Sender::Daemon, written(|w| w.lent(5, 6))),
        (Sender::Daemon, written(|w| w.log(3, 12, b"app.py", b"text"))),
        (Sender::Daemon, written(|w| w.end())),
        (Sender::Daemon, written(|w| w.abort(AbortReason::Timeout))),
        (Sender::Daemon, written(|w| w.refused(RefusedReason::NewCode))),
        (Sender::Daemon, written(|w| w.go_away())),
    ]
}

#[test]
fn every_frame_arrives_whole_or_not_at_all() {
    for (sender, bytes) in every_frame() {
        for cut in 0..bytes.len() {
            match parse(&bytes[..cut], sender) {
                Ok(Parsed::Incomplete(needed)) => assert!(needed > cut && needed <= bytes.len()),
                other => panic!("{other:?} at {cut} of {bytes:?}"),
            }
        }
        assert!(matches!(parse(&bytes, sender), Ok(Parsed::Frame(_, taken)) if taken == bytes.len()));
    }
}

#[test]
fn what_was_written_is_read() {
    let environ: [(&[u8], Option<&[u8]>); 2] = [(b"A", Some(b"1")), (b"B", None)];
    let bytes = written(|w| w.request(&request_head(), environ.into_iter()).unwrap());
    let Ok(Parsed::Frame(Frame::Request(request), _)) = parse(&bytes, Sender::Child) else { panic!("no request") };
    assert_eq!(request.head, request_head());
    assert_eq!(request.environ.iter().collect::<Vec<_>>(), environ);
    let fields: [(&[u8], &[u8]); 2] = [(b"X", b"1"), (b"X", b"")];
    let bytes = written(|w| w.head(404, b"Not Found", fields.into_iter()).unwrap());
    let Ok(Parsed::Frame(Frame::Head { status, reason, fields: read }, _)) = parse(&bytes, Sender::Daemon) else {
        panic!("no head")
    };
    assert_eq!((status, reason, read.len()), (404, &b"Not Found"[..], 2));
    assert_eq!(read.iter().collect::<Vec<_>>(), fields);
}

#[test]
fn a_side_may_not_send_the_other_sides_frames() {
    for (sender, bytes) in every_frame() {
        let other = if sender == Sender::Child { Sender::Daemon } else { Sender::Child };
        if ![super::kind::HELLO, super::kind::MEMORY].contains(&bytes[4]) {
            assert_eq!(parse(&bytes, other), Err(Violation::Type(bytes[4])));
        }
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_payload_comes() {
    let mut head = written(|w| w.data(b"x"))[..HEAD_LENGTH].to_vec();
    head[..4].copy_from_slice(&65_537_u32.to_le_bytes());
    assert_eq!(parse(&head, Sender::Daemon), Err(Violation::TooLong { kind: 8, length: 65_537 }));
    head[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(parse(&head, Sender::Daemon), Err(Violation::TooLong { .. })));
}

#[test]
fn a_greeting_says_in_one_way_that_there_is_no_ticket() {
    let hello = Hello { version: 1, generation: 7, token: [9; 16], ticket: None, build: b"0.1.0" };
    let mut bytes = written(|w| w.hello(&hello));
    assert_eq!(parse(&bytes, Sender::Child), Ok(Parsed::Frame(Frame::Hello(hello), bytes.len())));
    // The ticket's serial lies behind version, generation, token and the ticket's number.
    bytes[HEAD_LENGTH + 2 + 8 + 16 + 4] = 1;
    assert_eq!(parse(&bytes, Sender::Child), Err(Violation::Payload(super::kind::HELLO)));
}

#[test]
fn a_wrong_stream_type_or_payload_is_refused() {
    let mut bytes = written(|w| w.end());
    bytes[5] = 2;
    assert_eq!(parse(&bytes, Sender::Daemon), Err(Violation::Stream(2)));
    bytes[4] = 99;
    assert_eq!(parse(&bytes, Sender::Daemon), Err(Violation::Type(99)));
    for (sender, bytes) in every_frame() {
        // One byte less or more than the payload that the numbers inside it speak of.
        let kind = bytes[4];
        if matches!(kind, super::kind::BODY | super::kind::DATA | super::kind::LOG) {
            continue;
        }
        for change in [-1_i64, 1] {
            let mut bad = bytes.clone();
            let length = i64::try_from(bytes.len() - HEAD_LENGTH).unwrap() + change;
            let Ok(length) = u32::try_from(length) else { continue };
            bad[..4].copy_from_slice(&length.to_le_bytes());
            bad.resize(HEAD_LENGTH + length as usize, 0);
            assert!(parse(&bad, sender).is_err(), "type {kind} with {change}");
        }
    }
}

#[test]
fn a_reason_that_nobody_has_is_a_violation() {
    let refused = written(|w| w.refused(RefusedReason::GoingAway));
    let aborted = written(|w| w.abort(AbortReason::Failed));
    for (bytes, known) in [(refused, &[1, 3][..]), (aborted, &[1, 2, 3])] {
        for reason in 0..=u8::MAX {
            let mut bytes = bytes.clone();
            bytes[HEAD_LENGTH] = reason;
            assert_eq!(parse(&bytes, Sender::Daemon).is_ok(), known.contains(&reason), "{reason} in type {}", bytes[4]);
        }
    }
}

#[test]
fn a_count_that_the_payload_can_not_hold_costs_nothing() {
    let mut bytes = written(|w| w.head(200, b"", std::iter::empty()).unwrap());
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(parse(&bytes, Sender::Daemon), Err(Violation::Payload(7)));
}

#[test]
fn long_data_becomes_several_frames() {
    let data = vec![1; LONGEST_DATA + 1];
    let bytes = written(|w| w.data(&data));
    let Ok(Parsed::Frame(Frame::Data(first), taken)) = parse(&bytes, Sender::Daemon) else { panic!("no data") };
    assert_eq!(first.len(), LONGEST_DATA);
    assert!(matches!(parse(&bytes[taken..], Sender::Daemon), Ok(Parsed::Frame(Frame::Data([1]), _))));
}

#[test]
fn a_head_beyond_16_mib_is_not_written() {
    let long = vec![b'x'; 17 * 1024 * 1024];
    let mut buffer = Vec::new();
    let fields: [(&[u8], &[u8]); 1] = [(b"X", &long)];
    assert!(Writer::new(&mut buffer).head(200, b"OK", fields.into_iter()).is_err());
    assert!(buffer.is_empty());
}

#[test]
fn a_frame_with_a_descriptor_is_told_from_the_first_bytes_that_can_tell() {
    assert!(may_bring_descriptor(&[16, 0, 0, 0]) && may_bring_descriptor(&[16, 0, 0, 0, 9]));
    assert!(
        !may_bring_descriptor(&[0, 0, 0, 0, 15])
            && !may_bring_descriptor(&[16, 0, 0, 0, 8])
            && !may_bring_descriptor(&[8, 0, 0, 0, 16])
    );
}
