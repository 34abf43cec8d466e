//! A bar on standard error for what takes longer than a second; none where that is no terminal.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);

/// How far a piece of work has come. Clones tell the same bar.
#[derive(Debug, Clone)]
pub(super) struct Progress(Rc<RefCell<Shown>>);

#[derive(Debug)]
struct Shown {
    began: Instant,
    done: u64,
    whole: u64,
    template: &'static str,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work on a file of so many bytes; 0 where nobody knows.
    pub(super) fn of_bytes(whole: u64) -> Self {
        Self::new(whole, "{bar:40} {binary_bytes}/{binary_total_bytes}  {eta} left")
    }

    /// Work on so many things.
    pub(super) fn of_things(whole: u64) -> Self {
        Self::new(whole, "{bar:40} {pos}/{len}  {eta} left")
    }

    fn new(whole: u64, template: &'static str) -> Self {
        let shown = Shown { began: Instant::now(), done: 0, whole, template, bar: None };
        Self(Rc::new(RefCell::new(shown)))
    }

    pub(super) fn advance(&self, by: u64) {
        let mut shown = self.0.borrow_mut();
        shown.done += by;
        if shown.bar.is_none() && shown.began.elapsed() > PATIENCE {
            shown.bar = Some(shown.new_bar());
        }
        if let Some(bar) = &shown.bar {
            bar.set_position(shown.done);
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        if let Some(bar) = self.0.borrow_mut().bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn new_bar(&self) -> ProgressBar {
        if self.whole == 0 {
            return ProgressBar::new_spinner();
        }
        let style =
            ProgressStyle::with_template(self.template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(self.whole).with_style(style)
    }
}
