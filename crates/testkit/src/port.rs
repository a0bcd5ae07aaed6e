//! TCP ports for servers that take their port as an argument.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    path::PathBuf,
    process,
    sync::{Mutex, PoisonError},
};

/// Below these the system keeps its own services.
const FIRST: u16 = 10_000;
/// Where the range of outgoing connections begins if the system does not tell.
const OUTGOING: u16 = 32_768;

/// The ports this process was given, each a locked file: the lock ends with the process.
static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port of 127.0.0.1 that nobody listens on, and that no other call gets while this process lives.
///
/// A port from the range of outgoing connections would be free only until the next connection of any process
/// takes it, and a server that is started later, or again, could not bind it.
///
/// # Errors
/// There is none left, or the temporary folder cannot be written.
pub fn free_port() -> io::Result<u16> {
    let directory = std::env::temp_dir().join("bailiwick-test-ports");
    fs::create_dir_all(&directory)?;
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let range = FIRST..outgoing();
    let size = u32::from(range.end.saturating_sub(FIRST)).max(1);
    // Processes that start together look in different places first.
    let start = process::id().wrapping_mul(131) % size;
    let candidates =
        (0..size).filter_map(|step| u16::try_from(u32::from(FIRST) + (start + step) % size).ok());
    for port in candidates {
        if let Some(file) = locked(directory.join(port.to_string()))? {
            // The lock is kept for a port that another program uses, so that it is not tried again.
            given.push(file);
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Ok(port);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no port is free"))
}

/// The file, locked; none if another call has it.
fn locked(path: PathBuf) -> io::Result<Option<File>> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The first port that the system gives to outgoing connections.
fn outgoing() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .filter(|first| *first > FIRST)
        .unwrap_or(OUTGOING)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_that_an_outgoing_connection_may_take() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 50);
        assert!(ports.iter().all(|p| (FIRST..outgoing()).contains(p)), "{ports:?}");
    }

    #[test]
    fn a_given_port_is_locked_for_other_processes() {
        let port = free_port().unwrap();
        let path = std::env::temp_dir()
            .join("bailiwick-test-ports")
            .join(port.to_string());
        assert!(locked(path).unwrap().is_none());
    }
}
