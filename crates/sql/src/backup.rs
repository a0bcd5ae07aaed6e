//! Copies of an SQLite database.

use std::{fs::File, path::Path};

use crate::{Db, Error, conn::execute, error::Cause, pools};

impl Db {
    /// Writes a consistent copy of an SQLite database to a new file, readable by its owner alone, while it is
    /// in use. After such a copy is put in the place of the database, [`Self::rotate_epoch`] must be called.
    /// PostgreSQL has its own tools.
    ///
    /// # Errors
    /// It is no SQLite database, or the file exists or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        if self.is_postgres() {
            return Err(Error::Refused("use PostgreSQL's own tools for backups".into()));
        }
        if to.exists() {
            return Err(Error::Refused("the backup file already exists".into()));
        }
        pools::private_file(to).map_err(|error| Error::Unavailable(Cause::new(error)))?;
        let path = to.display().to_string();
        execute(&self.inner.pools.write, "VACUUM INTO $1", vec![path.into()]).await?;
        // SQLite does not wait until such a copy is on the disk.
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::Unavailable(Cause::new(error)))
    }
}
