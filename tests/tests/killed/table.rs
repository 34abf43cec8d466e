//! Kills at every point, and the table of what was hit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use acceptance::station_binary;

use crate::points::Point;

/// Killed at the same time: most of a killed order's time is waiting for a unit with an open session.
const AT_ONCE: usize = 6;
/// Certificates and signatures differ in length from run to run, and shift what follows: then it is tried anew.
const TRIES: usize = 6;

/// Each point with what came of it.
#[derive(Debug)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    hits: usize,
    tries: usize,
    trouble: Option<String>,
}

impl Table {
    /// Kills at every point, several at once. `kill` says whether the point was hit, and panics where the next run did
    /// not end the work.
    pub(crate) fn of(points: &[Point], kill: impl Fn(&Point) -> bool + Sync) -> Self {
        let rows: Vec<Mutex<Option<Row>>> = points.iter().map(|_| Mutex::new(None)).collect();
        let next = Mutex::new(0..points.len());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some(index) = next.lock().unwrap().next() else { return };
                        *rows[index].lock().unwrap() = Some(row(&points[index], &kill));
                    }
                });
            }
        });
        Self(rows.into_iter().map(|row| row.into_inner().unwrap().unwrap()).collect())
    }

    /// Prints the table, keeps it beside the program, and fails where a point has no hit or the next run did not end
    /// the work.
    pub(crate) fn finish(self, file: &str) {
        let mut text = format!("{:>4} {:>4} {:>5}  point\n", "no", "hits", "tries");
        for (index, Row { what, hits, tries, trouble }) in self.0.iter().enumerate() {
            text.push_str(&format!("{:>4} {hits:>4} {tries:>5}  {what}\n", index + 1));
            if let Some(trouble) = trouble {
                text.push_str(&format!("      FAILED: {trouble}\n"));
            }
        }
        println!("{text}");
        let path = station_binary().ancestors().nth(2).unwrap().join(file);
        let _ = std::fs::remove_file(&path);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
        let bad = self.0.iter().filter(|row| row.hits == 0 || row.trouble.is_some()).count();
        assert!(!self.0.is_empty(), "the clean run has no points");
        assert_eq!(
            bad, 0,
            "points without a hit, or whose work was not ended by the next run: see the table"
        );
    }
}

fn row(point: &Point, kill: impl Fn(&Point) -> bool) -> Row {
    let mut row = Row { what: point.what.clone(), hits: 0, tries: 0, trouble: None };
    while row.hits == 0 && row.tries < TRIES {
        row.tries += 1;
        match catch_unwind(AssertUnwindSafe(|| kill(point))) {
            Ok(true) => row.hits += 1,
            Ok(false) => {}
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                row.trouble = Some(text.unwrap_or_default());
                break;
            }
        }
    }
    row
}
