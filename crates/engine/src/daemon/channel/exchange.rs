/*! A connection as the engine sees it: the way back to the server of the request that has come over it. *Runs in: daemon.* */

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::sync::Arc;

use protocol::Level;
use protocol::frame::{BodyState, LONGEST_DATA, Writer};
use rustix::event::PollFlags;
use shared_memory::LEAST;

use super::Channel;
use crate::capi::borrowed_descriptor;
use crate::logging;
use crate::request::exchange::{Exchange, ReadError, SMALL, Send, SendError};
use crate::request::response_head::ResponseHead;
use crate::sync::locks::lock;

/// Body bytes up to here are copied into the gathered output; longer ones are sent from where they are.
const GATHERED: usize = 16 * 1024;
/// So much is said beside a body at most, for it to be held: head and heads of frames.
const MOST_SAID: usize = 2 * 1024;
/// The least that is asked for at a time.
const ASK: u64 = 64 * 1024;
/// The most that is asked for at a time.
const MOST_ASKED: u64 = 1024 * 1024;

impl Exchange for Arc<Channel> {
    fn read(&self, buffer: &mut [MaybeUninit<u8>], wait: bool) -> Result<usize, ReadError> {
        let mut state = lock(&self.state);
        loop {
            let found = state.look_for_body().map_err(|_| ReadError::Broken)?;
            if let Some(count) = state.read_body(buffer)? {
                return Ok(count);
            }
            match state.body_end {
                Some(BodyState::Complete) => return Ok(0),
                Some(BodyState::Aborted) => return Err(ReadError::Aborted),
                Some(BodyState::TimedOut) => return Err(ReadError::TimedOut),
                Some(BodyState::TooLarge) => return Err(ReadError::TooLarge),
                Some(BodyState::Broken) => return Err(ReadError::Broken),
                None => {}
            }
            if !found && state.granted == 0 {
                let ask = (buffer.len() as u64).clamp(ASK, MOST_ASKED);
                state.granted = ask;
                Writer::new(&mut state.outgoing).want(u32::try_from(ask).unwrap_or(u32::MAX));
            }
            if !state.outgoing.is_empty() {
                self.send(&mut state, wait).map_err(|error| self.unread(error))?;
            }
            if found {
                match self.receive_body(&mut state, buffer).map_err(|_| self.unread(SendError::ClientGone))? {
                    Some(count) => return Ok(count),
                    None if !wait => return Err(ReadError::WouldBlock),
                    None => self.wait_for(PollFlags::IN).map_err(|error| self.unread(error))?,
                }
                continue;
            }
            match self.receive(&mut state, LONGEST_DATA, wait) {
                Ok(true) => {}
                Ok(false) => return Err(ReadError::WouldBlock),
                Err(error) => return Err(self.unread(error)),
            }
        }
    }

    fn start(&self, head: &ResponseHead) -> Result<(), SendError> {
        let mut state = lock(&self.state);
        self.check(&state)?;
        Writer::new(&mut state.outgoing).head(head.status, head.reason(), head.fields()).map_err(|_| SendError::Failed)
    }

    fn write(&self, chunks: &[&[u8]], how: Send) -> Result<(), SendError> {
        let mut state = lock(&self.state);
        self.check(&state)?;
        for chunk in chunks {
            if chunk.len() >= LEAST && state.lend(chunk) {
                continue;
            }
            if chunk.len() <= GATHERED {
                Writer::new(&mut state.outgoing).data(chunk);
                continue;
            }
            for piece in chunk.chunks(LONGEST_DATA) {
                self.send_piece(&mut state, piece)?;
            }
        }
        match how {
            Send::Buffered => Ok(()),
            Send::Flushed | Send::Last => self.send(&mut state, true).map(drop),
        }
    }

    fn write_promptly(&self, chunks: &[&[u8]]) -> Result<Option<bool>, SendError> {
        self.write(chunks, Send::Buffered)?;
        let mut state = lock(&self.state);
        self.send(&mut state, false).map(Some)
    }

    fn write_last(&self, chunks: &[&[u8]]) -> Result<Option<bool>, SendError> {
        self.write(chunks, Send::Buffered)?;
        // Locked before it is held: the thread that looks finds the bytes.
        let mut state = lock(&self.state);
        if state.outgoing.is_empty() {
            return Ok(Some(true));
        }
        let holds = state.outgoing.len() <= GATHERED + MOST_SAID && !state.torn && self.held.hold(&self.deferred);
        if holds { Ok(Some(true)) } else { self.send(&mut state, false).map(Some) }
    }

    fn keeps(&self, length: usize) -> bool {
        length < SMALL || lock(&self.state).memory.as_mut().is_some_and(|memory| length <= memory.room())
    }

    fn flush(&self) -> Result<(), SendError> {
        let mut state = lock(&self.state);
        self.send(&mut state, true).map(drop)
    }

    fn send_file(&self, descriptor: i32, offset: i64, length: i64) -> Result<(), SendError> {
        let mut state = lock(&self.state);
        self.check(&state)?;
        let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else { return Err(SendError::Failed) };
        let file = borrowed_descriptor(descriptor).ok_or(SendError::Failed)?;
        if !self.descriptors {
            return self.copy_file(&mut state, file, offset, length);
        }
        // The descriptor travels with exactly its frame: what was gathered goes first.
        self.send(&mut state, true)?;
        let mut frame = Vec::new();
        Writer::new(&mut frame).file(offset, length);
        loop {
            if let Some(count) = self.send_with(file, &[IoSlice::new(&frame)])? {
                state.torn = count < frame.len();
                state.outgoing = frame.get(count..).unwrap_or_default().to_vec();
                return Ok(());
            }
            self.wait_for(PollFlags::OUT)?;
        }
    }

    fn log(&self, level: Level, text: &[u8], file: &[u8], line: i32) {
        let number = u32::try_from(line).unwrap_or(0);
        let gone = match self.state.try_lock() {
            Ok(mut state) => {
                if !state.gone {
                    Writer::new(&mut state.outgoing).log(level as u8, number, file, text);
                    // What does not fit now goes along with the response.
                    let _sent = self.send(&mut state, false);
                }
                state.gone
            }
            // Somebody waits for the child, and nobody shall wait for that with Python's lock: it goes with what is sent next.
            Err(_) => {
                Writer::new(&mut lock(&self.lines)).log(level as u8, number, file, text);
                false
            }
        };
        if gone {
            // The child takes nothing more for a client that has left. What the application has to say is not lost with it: the group's log has it.
            logging::of_process(level, text, file, line);
        }
    }

    fn logs(&self, _level: Level) -> bool {
        // Only the child knows its virtual host's level.
        true
    }
}
