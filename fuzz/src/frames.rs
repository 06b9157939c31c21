/*! Both decoders of the channel. */

use protocol::frame::{Frame, HEAD_LENGTH, LONGEST_HEAD, Parsed, Sender, Violation, Writer, parse};

use crate::allocation;

/// What a daemon process may receive.
pub fn frames_of_child(bytes: &[u8]) {
    frames(bytes, Sender::Child);
}

/// What an Apache child may receive.
pub fn frames_of_daemon(bytes: &[u8]) {
    frames(bytes, Sender::Daemon);
}

/// What becomes of a stream: where its frames end, and the violation that ended it.
#[derive(Debug, PartialEq)]
struct Stream {
    ends: Vec<usize>,
    broken: Option<Violation>,
}

fn frames(bytes: &[u8], from: Sender) {
    let whole = at_once(bytes, from);
    let step = bytes.first().map_or(1, |byte| usize::from(byte % 16) + 1);
    assert_eq!(in_pieces(bytes, from, step), whole, "what arrives in pieces of {step} is the same");
}

fn at_once(bytes: &[u8], from: Sender) -> Stream {
    let mut stream = Stream { ends: Vec::new(), broken: None };
    let mut taken = 0;
    loop {
        let rest = &bytes[taken..];
        // Reading a frame makes no room for anything.
        match allocation::within(0, || parse(rest, from)) {
            Ok(Parsed::Frame(frame, length)) => {
                assert!((HEAD_LENGTH..=rest.len()).contains(&length), "{length} of {}", rest.len());
                same_again(&frame, &rest[..length]);
                taken += length;
                stream.ends.push(taken);
            }
            Ok(Parsed::Incomplete(needed)) => {
                assert!(needed > rest.len() && needed <= HEAD_LENGTH + LONGEST_HEAD, "{needed} wanted, {} there", rest.len());
                return stream;
            }
            Err(violation) => {
                assert!(!violation.to_string().is_empty());
                stream.broken = Some(violation);
                return stream;
            }
        }
    }
}

/// As a receiver does it that gets `step` bytes at a time.
fn in_pieces(bytes: &[u8], from: Sender, step: usize) -> Stream {
    let mut stream = Stream { ends: Vec::new(), broken: None };
    let (mut taken, mut there) = (0, 0);
    while there < bytes.len() {
        there = (there + step).min(bytes.len());
        loop {
            match parse(&bytes[taken..there], from) {
                Ok(Parsed::Frame(_, length)) => {
                    taken += length;
                    stream.ends.push(taken);
                }
                Ok(Parsed::Incomplete(needed)) => {
                    assert!(needed > there - taken);
                    break;
                }
                Err(violation) => {
                    stream.broken = Some(violation);
                    return stream;
                }
            }
        }
    }
    stream
}

/// A frame that was read and is written again is the same bytes, unless the writer cuts what is too long for a message.
fn same_again(frame: &Frame<'_>, bytes: &[u8]) {
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again);
    match frame {
        Frame::Hello(hello) if hello.build.len() <= 256 => writer.hello(hello),
        Frame::Request(request) => {
            let environ: Vec<_> = request.environ.iter().collect();
            assert_eq!(environ.len(), request.environ.len());
            assert_eq!(writer.request(&request.head, environ.into_iter()), Ok(()));
        }
        Frame::Body(bytes) if !bytes.is_empty() => writer.body(bytes),
        Frame::LentBody { offset, length } => writer.lent_body(*offset, *length),
        Frame::BodyEnd(state) => writer.body_end(*state),
        Frame::Want(count) => writer.want(*count),
        Frame::ClientGone => writer.client_gone(),
        Frame::Head { status, reason, fields } => {
            let all: Vec<_> = fields.iter().collect();
            assert_eq!(all.len(), fields.len());
            assert_eq!(writer.head(*status, reason, all.into_iter()), Ok(()));
        }
        Frame::Data(bytes) if !bytes.is_empty() => writer.data(bytes),
        Frame::File { offset, length } => writer.file(*offset, *length),
        Frame::Memory => writer.memory(),
        Frame::Lent { offset, length } => writer.lent(*offset, *length),
        Frame::Log { level, line, file, text } if file.len() <= 4096 && text.len() <= 32 * 1024 => {
            writer.log(*level, *line, file, text);
        }
        Frame::End => writer.end(),
        Frame::Abort(reason) => writer.abort(*reason),
        Frame::Refused(reason) => writer.refused(*reason),
        Frame::GoAway => writer.go_away(),
        _ => return,
    }
    assert_eq!(again, bytes, "{frame:?}");
}
