//! Exports of the audit log as JSON lines: an entry a line, then one line that ends the file, with the head
//! of the chain, the number of entries, the SHA-256 of everything above it and a code over that, so that a
//! change of any byte is found.

use std::io::{BufRead, Write};

use bailiwick_types::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Entry, Filter, Head, Opened, Outcome, Sealed,
    chain::{Fault, Follow},
};

/// Names the format of files.
const FORMAT: &str = "bailiwick audit file v1";

/// An entry as a line of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    chain: String,
    sequence: u64,
    entry: String,
    time: String,
    service: String,
    actor: String,
    on_behalf_of: String,
    action: String,
    target: String,
    outcome: Outcome,
    attempts: u32,
    request_id: String,
    trace_id: String,
    details: std::collections::BTreeMap<String, String>,
    network: String,
    device: String,
    before: Map<String, Value>,
    after: Map<String, Value>,
    erased: bool,
    sealed: [Part; 2],
    previous: String,
    hash: String,
}

/// Sealed values as a line has them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    owner: String,
    bytes: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    end: End,
}

/// What the last line says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    format: String,
    chain: String,
    entries: u64,
    filter: Filtered,
    head: Option<Ended>,
    digest: String,
    key: String,
    code: String,
}

/// Which entries the file contains.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filtered {
    actor: Option<String>,
    target: Option<String>,
    action: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

/// The head of the chain when the file was made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    sequence: u64,
    hash: String,
    epoch: String,
    suspect: bool,
}

/// The code of a message: the id of its key and the code.
pub type Code = (Vec<u8>, Vec<u8>);

/// Tells whether a code is that of a message.
pub type Check<'a> = &'a dyn Fn(&[u8], &Code) -> Result<(), Fault>;

/// Makes the lines of a file.
pub struct Writer {
    chain: String,
    filter: Filtered,
    head: Option<Ended>,
    digest: Sha256,
    entries: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("chain", &self.chain)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a file of a chain.
    #[must_use]
    pub fn new(chain: String, filter: &Filter, head: Option<&Head>) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            chain,
            filter: Filtered {
                actor: filter.actor.clone(),
                target: filter.target.clone(),
                action: filter.action.clone(),
                start: time(filter.start),
                end: time(filter.end),
            },
            head: head.map(|head| Ended {
                sequence: head.sequence,
                hash: hex(&head.hash),
                epoch: head.epoch.clone(),
                suspect: head.suspect,
            }),
            digest: Sha256::new(),
            entries: 0,
        }
    }
    /// Adds the line of an entry to `out`.
    pub fn line(&mut self, one: Opened, out: &mut Vec<u8>) {
        let begin = out.len();
        append(out, &Line::from(one));
        self.digest.update(out.get(begin..).unwrap_or_default());
        self.entries += 1;
    }
    /// Adds the last line to `out`. `sign` makes the code of a message; nothing where it fails.
    pub fn finish(self, sign: impl FnOnce(&[u8]) -> Option<Code>, out: &mut Vec<u8>) -> Option<()> {
        let mut end = End {
            format: FORMAT.to_owned(),
            chain: self.chain,
            entries: self.entries,
            filter: self.filter,
            head: self.head,
            digest: hex(&self.digest.finalize()),
            key: String::new(),
            code: String::new(),
        };
        let (key, code) = sign(&end.message())?;
        end.key = hex(&key);
        end.code = hex(&code);
        append(out, &Trailer { end });
        Some(())
    }
}

impl End {
    /// What its code is made over: itself without the code.
    fn message(&self) -> Vec<u8> {
        let bare = Self {
            format: self.format.clone(),
            chain: self.chain.clone(),
            entries: self.entries,
            filter: Filtered {
                actor: self.filter.actor.clone(),
                target: self.filter.target.clone(),
                action: self.filter.action.clone(),
                start: self.filter.start.clone(),
                end: self.filter.end.clone(),
            },
            head: self.head.as_ref().map(|head| Ended {
                sequence: head.sequence,
                hash: head.hash.clone(),
                epoch: head.epoch.clone(),
                suspect: head.suspect,
            }),
            digest: self.digest.clone(),
            key: String::new(),
            code: String::new(),
        };
        serde_json::to_vec(&bare).unwrap_or_default()
    }
}

/// A line of JSON. Maps with texts as keys become JSON without fail.
fn append(out: &mut Vec<u8>, line: &impl Serialize) {
    let _ = serde_json::to_writer(&mut *out, line);
    let _ = out.write_all(b"\n");
}

impl From<Opened> for Line {
    fn from(one: Opened) -> Self {
        let Opened {
            entry,
            personal,
            erased,
        } = one;
        let part = |sealed: Sealed| Part {
            owner: sealed.owner,
            bytes: STANDARD_NO_PAD.encode(sealed.bytes),
        };
        Self {
            chain: entry.chain.to_string(),
            sequence: entry.sequence,
            entry: entry.id.to_string(),
            time: entry.time.to_string(),
            service: entry.service.as_str().to_owned(),
            actor: entry.actor,
            on_behalf_of: entry.on_behalf_of,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            attempts: entry.attempts,
            request_id: entry.request_id,
            trace_id: entry.trace_id,
            details: entry.details,
            network: personal.network,
            device: personal.device,
            before: personal.before,
            after: personal.after,
            erased,
            sealed: [part(entry.origin), part(entry.content)],
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
        }
    }
}

impl Line {
    fn entry(self) -> Result<Entry, String> {
        let sealed = |part: Part| {
            let bytes = STANDARD_NO_PAD.decode(part.bytes).map_err(|_| "`sealed`")?;
            Ok::<_, &str>(Sealed {
                owner: part.owner,
                bytes,
            })
        };
        let [origin, content] = self.sealed;
        Ok(Entry {
            id: self.entry.parse().map_err(|_| "`entry`")?,
            chain: self.chain.parse().map_err(|_| "`chain`")?,
            sequence: self.sequence,
            time: Timestamp::parse(&self.time).map_err(|_| "`time`")?,
            service: bailiwick_types::Service::named(&self.service).ok_or("`service`")?,
            actor: self.actor,
            on_behalf_of: self.on_behalf_of,
            action: self.action,
            target: self.target,
            outcome: self.outcome,
            attempts: self.attempts,
            request_id: self.request_id,
            trace_id: self.trace_id,
            details: self.details,
            origin: sealed(origin)?,
            content: sealed(content)?,
            previous: unhex(&self.previous).ok_or("`previous`")?,
            hash: unhex(&self.hash).ok_or("`hash`")?,
        })
    }
}

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The chain.
    pub chain: String,
    /// Its entries.
    pub entries: u64,
    /// Whether it contains the whole chain.
    pub whole: bool,
    /// Whether the code of the file was checked.
    pub signed: bool,
}

/// Why a file is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Read(#[from] std::io::Error),
    /// It was changed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its last line is missing.
    #[error("the file has no last line: it was cut off")]
    Cut,
    /// It goes on after its last line.
    #[error("the file goes on after its last line")]
    Longer,
    /// Its last line does not fit the lines above.
    #[error("the last line does not fit the lines above it: the file was changed")]
    Other,
}

/// Verifies a file. `verify` tells whether a code is that of a message; without one, only the hashes are
/// checked, which whoever writes the file anew can make.
///
/// # Errors
/// What was changed.
pub fn verify(mut file: impl BufRead, verify: Option<Check<'_>>) -> Result<Verified, Error> {
    let mut digest = Sha256::new();
    let mut entries = 0;
    let mut follow: Option<(Follow, Follow)> = None;
    let mut whole: Result<(), Fault> = Ok(());
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Err(Error::Cut);
        }
        number += 1;
        let wrong = |why: String| Fault::Line(number, why);
        if line.last() != Some(&b'\n') {
            return Err(Error::Cut);
        }
        if line.starts_with(b"{\"end\":") {
            break;
        }
        let read: Line = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        let entry = read.entry().map_err(wrong)?;
        digest.update(&line);
        // A filtered file is recognized by its last line, so both readings go on until then.
        let (all, some) =
            follow.get_or_insert_with(|| (Follow::whole(&entry.chain), Follow::filtered(&entry.chain)));
        some.next(&entry)?;
        if whole.is_ok() {
            whole = all.next(&entry);
        }
        entries += 1;
    }
    let wrong = |why: String| Fault::Line(number, why);
    let Trailer { end } = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
    let mut written = Vec::new();
    append(&mut written, &Trailer { end });
    // Read leniently, compared strictly: no byte of the line is beside the point.
    if written != line {
        return Err(Error::Other);
    }
    let Trailer { end } = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
    if file.read_until(b'\n', &mut Vec::new())? != 0 {
        return Err(Error::Longer);
    }
    let chain = end.chain.parse().map_err(|_| wrong("`chain`".to_owned()))?;
    let fits = end.format == FORMAT && end.digest == hex(&digest.finalize()) && end.entries == entries;
    if !fits {
        return Err(Error::Other);
    }
    let is_whole = [
        &end.filter.actor,
        &end.filter.target,
        &end.filter.action,
        &end.filter.start,
        &end.filter.end,
    ]
    .iter()
    .all(|part| part.is_none());
    let head = end.head.as_ref().map(|head| {
        let hash = unhex(&head.hash).ok_or_else(|| wrong("`hash`".to_owned()))?;
        Ok::<_, Fault>(Head {
            chain,
            sequence: head.sequence,
            hash,
            epoch: head.epoch.clone(),
            suspect: head.suspect,
        })
    });
    let head = head.transpose()?;
    if is_whole {
        whole?;
        match (follow, &head) {
            (Some((all, _)), head) => all.end(head.as_ref())?,
            (None, Some(head)) => {
                let (found, head) = (0, head.sequence);
                return Err(Fault::Cut { found, head }.into());
            }
            (None, None) => {}
        }
    }
    if let Some(verify) = verify {
        let code = unhex_all(&end.key).zip(unhex_all(&end.code));
        let code = code.ok_or_else(|| wrong("`code`".to_owned()))?;
        verify(&end.message(), &code)?;
    }
    Ok(Verified {
        chain: end.chain,
        entries: end.entries,
        whole: is_whole,
        signed: verify.is_some(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex_all(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>().filter(|_| lower)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    unhex_all(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::tests::{chain, entries, head};

    fn sign(message: &[u8]) -> Option<Code> {
        let code = Sha256::new()
            .chain_update(b"secret")
            .chain_update(message)
            .finalize();
        Some((vec![1], code.to_vec()))
    }

    fn check(message: &[u8], code: &Code) -> Result<(), Fault> {
        if sign(message).as_ref() == Some(code) {
            Ok(())
        } else {
            Err(Fault::Forged)
        }
    }

    fn file(count: u64, keep: impl Fn(&Entry) -> bool, filter: &Filter) -> Vec<u8> {
        let all = entries(count);
        let mut writer = Writer::new(chain().to_string(), filter, Some(&head(&all)));
        let mut out = Vec::new();
        for entry in all.into_iter().filter(keep) {
            let mut one = Opened::plain(entry);
            one.personal.network = "192.0.2.1".to_owned();
            writer.line(one, &mut out);
        }
        writer.finish(sign, &mut out).unwrap();
        out
    }

    fn verified(file: &[u8]) -> Result<Verified, Error> {
        verify(file, Some(&check))
    }

    #[test]
    fn a_file_of_ten_thousand_verifies() {
        let file = file(10_000, |_| true, &Filter::default());
        let found = verified(&file).unwrap();
        assert_eq!((found.entries, found.whole, found.signed), (10_000, true, true));
        assert!(!verify(&file[..], None).unwrap().signed);
    }

    #[test]
    fn a_byte_that_is_changed_anywhere_is_found() {
        let good = file(12, |_| true, &Filter::default());
        assert!(verified(&good).is_ok());
        for at in 0..good.len() {
            for bit in [1, 0x20] {
                let mut changed = good.clone();
                changed[at] ^= bit;
                assert!(
                    verified(&changed).is_err(),
                    "bit {bit} of byte {at} of {}",
                    good.len()
                );
            }
        }
    }

    #[test]
    fn a_line_that_is_removed_inserted_or_moved_and_a_cut_are_found() {
        let good = file(1_000, |_| true, &Filter::default());
        let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
        let changed = |change: fn(&mut Vec<&[u8]>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            verified(&lines.concat())
        };
        assert!(changed(|_| {}).is_ok());
        assert!(
            changed(|lines| {
                lines.remove(500);
            })
            .is_err()
        );
        assert!(changed(|lines| lines.insert(500, lines[499])).is_err());
        assert!(changed(|lines| lines.swap(500, 501)).is_err());
        assert!(matches!(
            changed(|lines| {
                lines.pop();
            }),
            Err(Error::Cut)
        ));
        assert!(matches!(
            changed(|lines| lines.push(lines[0])),
            Err(Error::Longer)
        ));
        assert!(
            changed(|lines| {
                lines.remove(lines.len() - 2);
            })
            .is_err()
        );
        assert!(matches!(verified(&good[..good.len() - 1]), Err(Error::Cut)));
        assert!(matches!(verified(&[]), Err(Error::Cut)));
    }

    #[test]
    fn a_file_of_a_filter_verifies_and_a_line_that_is_missing_is_found() {
        let filter = Filter {
            actor: Some("user:3".to_owned()),
            ..Filter::default()
        };
        let good = file(100, |entry| entry.actor == "user:3", &filter);
        let found = verified(&good).unwrap();
        assert_eq!((found.entries, found.whole), (14, false));
        let mut lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
        lines.remove(3);
        assert!(matches!(verified(&lines.concat()), Err(Error::Other)));
    }

    #[test]
    fn a_file_that_was_written_anew_has_no_code() {
        let all = entries(3);
        let mut writer = Writer::new(chain().to_string(), &Filter::default(), Some(&head(&all)));
        let mut out = Vec::new();
        for entry in all {
            writer.line(Opened::plain(entry), &mut out);
        }
        writer.finish(|_| Some((vec![1], vec![2])), &mut out).unwrap();
        assert!(matches!(verified(&out), Err(Error::Fault(Fault::Forged))));
        assert!(verify(&out[..], None).is_ok());
    }
}
