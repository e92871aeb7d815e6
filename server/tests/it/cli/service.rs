//! What every command that asks the service has in common.

use std::net::TcpListener;

use super::rig::{Ended, folder, run, run_with};

/// An address at which nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn server_that_is_not_there_is_not_reached_and_the_error_says_how_to_start_one() {
    let address = nobody();
    let err = format!(
        "error: no server at `{address}`: Connection refused (os error 111)\n  \
         start one with `mainsheet serve DIR`, or say where one is with --server ADDR or MAINSHEET_SERVER\n"
    );
    let expected = Ended { code: 3, out: String::new(), err };
    assert_eq!(run(&folder(&[]), &["confirm", "--server", &address]), expected);
    assert_eq!(run_with(&folder(&[]), &["confirm"], &[("MAINSHEET_SERVER", &address)], ""), expected);
}

#[test]
fn address_that_is_none_is_an_error() {
    let ended = run(&folder(&[]), &["confirm", "--server", "127.0.0.1"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.starts_with("error: `127.0.0.1` "), "{}", ended.err);
}
