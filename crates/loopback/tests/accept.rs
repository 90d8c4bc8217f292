//! A service survives a moment without descriptors. This test is alone in its process, because it changes the limit of
//! the process.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use loopback::{Reply, Request, reply};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

async fn well(_: Request) -> Reply {
    reply(hyper::StatusCode::OK, "text/plain", "well")
}

fn answer(mut stream: TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn connect(at: SocketAddr) -> TcpStream {
    let mut tries = 100;
    loop {
        match TcpStream::connect(at) {
            Ok(stream) => return stream,
            Err(error) if tries == 0 => panic!("nobody listens: {error}"),
            Err(_) => {
                tries -= 1;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

#[test]
fn a_moment_without_descriptors_does_not_end_the_service() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let service = std::thread::spawn(move || loopback::serve(at, well));
    assert!(answer(connect(at)).ends_with("well"));

    let before = getrlimit(Resource::Nofile);
    let spare = File::open("/dev/null").unwrap();
    let next = u64::try_from(spare.as_raw_fd()).unwrap();
    drop(spare);
    // The limit leaves one descriptor. The client takes it, and the service has none for its end of the connection.
    let tight = Rlimit {
        current: Some(next + 1),
        maximum: before.maximum,
    };
    setrlimit(Resource::Nofile, tight).unwrap();
    let waiting = connect(at);
    std::thread::sleep(Duration::from_millis(300));
    let ended = service.is_finished();
    setrlimit(Resource::Nofile, before).unwrap();
    assert!(!ended, "the service ended");
    assert!(answer(waiting).ends_with("well"));
}
