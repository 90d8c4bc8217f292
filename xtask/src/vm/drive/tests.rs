use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::Drive;
use super::nbd::{Kind, Request};
use super::platter::{BLOCK, pieces};

/// A drive of four blocks of ones.
fn drive(name: &str) -> Drive {
    let dir: PathBuf = std::env::temp_dir().join(format!("{name}.{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("image"), vec![1; 4 * BLOCK]).unwrap();
    let drive = Drive::new(&dir.join("image"), &dir.join("socket"), &dir.join("kept"));
    fs::remove_dir_all(&dir).unwrap();
    drive.unwrap()
}

/// Whether the drive answers a request.
fn answers(drive: &Drive, kind: Kind, through: bool, offset: u64, data: &[u8]) -> bool {
    let request = Request {
        kind,
        through,
        cookie: 0,
        offset,
        length: 0,
        data: data.into(),
    };
    drive.answer(&request).is_some()
}

fn bytes(drive: &Drive) -> Vec<u8> {
    let read = drive.state().platter.read(0, 4 * BLOCK as u32).unwrap();
    read.chunks(BLOCK).map(|block| block[BLOCK - 1]).collect()
}

#[test]
fn writes_without_a_flush_are_lost() {
    let drive = drive("drive-lost");
    answers(&drive, Kind::Write, false, 0, &[2; BLOCK]);
    assert!(answers(&drive, Kind::Flush, false, 0, &[]));
    answers(&drive, Kind::Write, false, 0, &[3; BLOCK]);
    answers(&drive, Kind::Write, true, BLOCK as u64, &[4; BLOCK]);
    // Half a block and half the next one.
    answers(
        &drive,
        Kind::Write,
        false,
        2 * BLOCK as u64 + 2048,
        &[5; BLOCK],
    );
    assert_eq!(bytes(&drive), [3, 4, 5, 1]);
    assert_eq!(drive.cut(&mut || false).unwrap(), 3);
    assert!(
        !answers(&drive, Kind::Flush, false, 0, &[]),
        "the power is off"
    );
    drive.on();
    assert_eq!(bytes(&drive), [2, 4, 1, 1]);
    answers(&drive, Kind::Write, false, 0, &[6; BLOCK]);
    assert_eq!(drive.cut(&mut || true).unwrap(), 0);
    assert_eq!(bytes(&drive), [6, 4, 1, 1]);
}

#[test]
fn the_power_fails_before_a_flush_or_after_it() {
    for done in [false, true] {
        let drive = drive(&format!("drive-fails-{done}"));
        drive.fail_after(1, done);
        assert!(answers(&drive, Kind::Flush, false, 0, &[]));
        answers(&drive, Kind::Write, false, 0, &[2; BLOCK]);
        assert!(!drive.wait_until_off(Duration::ZERO));
        assert!(!answers(&drive, Kind::Flush, false, 0, &[]));
        assert!(drive.wait_until_off(Duration::ZERO));
        drive.cut(&mut || false).unwrap();
        assert_eq!(bytes(&drive)[0], 1 + u8::from(done));
    }
}

#[test]
fn a_range_is_cut_into_blocks() {
    let all: Vec<_> = pieces(4000, 4300).collect();
    assert_eq!(all, [(0, 4000, 4096), (1, 0, 4096), (2, 0, 108)]);
    assert_eq!(pieces(0, 4096).collect::<Vec<_>>(), [(0, 0, 4096)]);
}
