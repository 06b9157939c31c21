/*! Configurations that are handed over to a supervisor at work, as at a graceful restart: many groups, and many times. *Runs in: tests.* */

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod support;

use std::io::{Read, Write};

use protocol::control::{HEAD, Message, Sender};
use support::fleet::{Fleet, MEMBER, note};
use support::until;

/// No test: a process of a group, which this program is where it is started as one.
#[test]
fn acts_as_a_process() {
    if std::env::var_os(MEMBER).is_none() {
        return;
    }
    note("born");
    let say = |message: &Message| std::io::stderr().write_all(&message.encode()).unwrap();
    let (mut control, mut bytes) = (std::io::stdin().lock(), Vec::new());
    loop {
        let (message, _) = loop {
            if let Some(whole) = Message::decode(&bytes, Sender::Supervisor).unwrap() {
                break whole;
            }
            let head = bytes.first_chunk::<HEAD>().map(|[a, b, c, d, _]| u32::from_le_bytes([*a, *b, *c, *d]));
            let whole = HEAD + head.map_or(0, |length| usize::try_from(length).unwrap());
            let mut more = vec![0; whole - bytes.len()];
            if control.read_exact(&mut more).is_err() {
                std::process::exit(0);
            }
            bytes.extend(more);
        };
        bytes.clear();
        match message {
            Message::Begin(_) => say(&Message::Ready),
            Message::Look => {
                say(&Message::Looked(String::new()));
                note("looked");
            }
            Message::Drain(_) | Message::Stop(_) => std::process::exit(0),
            _ => {}
        }
    }
}

#[test]
fn three_hundred_groups_are_handed_over_without_a_start() {
    const GROUPS: u32 = 300;
    let mut fleet = Fleet::start(GROUPS, "acts_as_a_process");
    let (members, born) = (fleet.members(), fleet.born());
    assert_eq!((members.len(), born), (300, 300));
    for round in 1..=3 {
        let before = fleet.processor_time();
        fleet.hand_over();
        until("all have been asked whether their files have changed", || (fleet.looked() >= round).then_some(()));
        println!("{GROUPS} groups: the handover took {} ms of the supervisor's processor time", fleet.processor_time() - before);
        assert_eq!((fleet.members(), fleet.born()), (members.clone(), born), "{}", fleet.log());
    }
    fleet.supervisor.stop();
    until("all processes are gone", || (!members.iter().any(|pid| support::alive(*pid))).then_some(()));
}

#[test]
fn a_thousand_handovers_leave_nothing_behind() {
    let mut fleet = Fleet::start(3, "acts_as_a_process");
    let members = fleet.members();
    fleet.hand_over();
    until("all have looked", || (fleet.looked() >= 1).then_some(()));
    let held = fleet.held();
    for _ in 0..1_000 {
        fleet.hand_over();
    }
    until("all have looked as often", || (fleet.looked() >= 1_001).then_some(()));
    assert_eq!((fleet.members(), fleet.born()), (members.clone(), 3), "{}", fleet.log());
    // Threads that read pipes come and go; a few wait for work.
    let clean = |(descriptors, threads)| descriptors <= held.0 && threads <= held.1 + 4;
    until(&format!("no descriptor and no thread is left behind; {held:?} before"), || clean(fleet.held()).then_some(()));
    fleet.supervisor.stop();
    until("all processes are gone", || (!members.iter().any(|pid| support::alive(*pid))).then_some(()));
}
