//! The operating system's user that throw-away servers run as.

use std::{fs, io, os::unix::fs::chown, os::unix::process::CommandExt, path::Path, process::Command};

/// Another user and its group, where the tests run as root and the server refuses to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(Option<(u32, u32)>);

impl Owner {
    /// The user of the test process.
    pub(crate) const SELF: Self = Self(None);

    /// The named user for root, oneself for everybody else.
    pub(crate) fn unless_root(name: &str) -> io::Result<Self> {
        if !rustix::process::getuid().is_root() {
            return Ok(Self::SELF);
        }
        let passwd = fs::read_to_string("/etc/passwd")?;
        parse(&passwd, name)
            .map(|ids| Self(Some(ids)))
            .ok_or_else(|| io::Error::other(format!("root cannot run it and there is no user `{name}`")))
    }
    /// Makes a command run as this user.
    pub(crate) fn applies(self, command: &mut Command) {
        if let Self(Some((uid, gid))) = self {
            command.uid(uid).gid(gid);
        }
    }
    /// Gives a file or folder to this user.
    pub(crate) fn takes(self, path: &Path) -> io::Result<()> {
        match self.0 {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }
}

fn parse(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let mut ids = fields.skip(1).map(str::parse);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(parse(passwd, "postgres"), Some((101, 104)));
        assert_eq!(parse(passwd, "nobody"), None);
    }
}
