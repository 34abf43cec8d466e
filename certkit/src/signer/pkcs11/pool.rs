//! A pool of what one thread at a time can use: made when all are lent, given back after use, dropped when broken.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Why no further one was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotMade<E> {
    /// There can be no more at a time: wait for one that is lent.
    Limit(E),
    /// For another reason.
    Failed(E),
}

impl<E> NotMade<E> {
    /// The error alone.
    pub(super) fn into_error(self) -> E {
        let (Self::Limit(error) | Self::Failed(error)) = self;
        error
    }
}

/// The pool. It grows to the number of threads that use it at a time, or to the limit of what makes them.
#[derive(Debug)]
pub(super) struct Pool<S> {
    seats: Mutex<Seats<S>>,
    given_back: Condvar,
}

#[derive(Debug)]
struct Seats<S> {
    free: Vec<S>,
    lent: usize,
}

impl<S> Pool<S> {
    /// A pool that holds this one.
    pub(super) fn new(first: S) -> Self {
        Self { seats: Mutex::new(Seats { free: vec![first], lent: 0 }), given_back: Condvar::new() }
    }

    /// Does `work` with one. Where that fails it is dropped, and the work is tried once more with a new one.
    pub(super) fn with<T, E>(
        &self,
        make: impl Fn() -> Result<S, NotMade<E>>,
        work: impl Fn(&S) -> Result<T, E>,
    ) -> Result<T, E> {
        let seat = self.take(&make)?;
        let (seat, result) = match work(&seat) {
            Ok(value) => (Some(seat), Ok(value)),
            Err(_) => {
                drop(seat);
                match make() {
                    Ok(fresh) => match work(&fresh) {
                        Ok(value) => (Some(fresh), Ok(value)),
                        Err(error) => (None, Err(error)),
                    },
                    Err(error) => (None, Err(error.into_error())),
                }
            }
        };
        self.give_back(seat);
        result
    }

    fn take<E>(&self, make: impl Fn() -> Result<S, NotMade<E>>) -> Result<S, E> {
        loop {
            let mut seats = self.lock();
            seats.lent += 1;
            if let Some(seat) = seats.free.pop() {
                return Ok(seat);
            }
            drop(seats);
            let error = match make() {
                Ok(seat) => return Ok(seat),
                Err(error) => error,
            };
            let mut seats = self.lock();
            seats.lent -= 1;
            match error {
                NotMade::Failed(error) => return Err(error),
                NotMade::Limit(error) if seats.free.is_empty() && seats.lent == 0 => return Err(error),
                NotMade::Limit(_) if !seats.free.is_empty() => {}
                NotMade::Limit(_) => {
                    drop(self.given_back.wait(seats).unwrap_or_else(PoisonError::into_inner));
                }
            }
        }
    }

    fn give_back(&self, seat: Option<S>) {
        let mut seats = self.lock();
        seats.lent -= 1;
        seats.free.extend(seat);
        self.given_back.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Seats<S>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_grows_with_its_users_and_waits_at_the_limit() {
        for (limit, most) in [(2, 2), (100, 8)] {
            let (made, at_once, peak) = (AtomicUsize::new(1), AtomicUsize::new(0), AtomicUsize::new(0));
            let pool = Pool::new(0);
            let make = || match made
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |made| (made < limit).then_some(made + 1))
            {
                Ok(number) => Ok(number),
                Err(_) => Err(NotMade::Limit("limit")),
            };
            let work = |_: &usize| {
                peak.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, &str>(())
            };
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| (0..5).for_each(|_| assert_eq!(pool.with(make, work), Ok(()))));
                }
            });
            assert!(made.load(Ordering::SeqCst) <= most && peak.load(Ordering::SeqCst) <= most);
            assert_eq!(pool.lock().lent, 0);
        }
    }

    #[test]
    fn a_broken_one_is_replaced_once() {
        let pool = Pool::new("dead");
        let alive = |seat: &&'static str| if *seat == "dead" { Err("dead") } else { Ok(*seat) };
        assert_eq!(pool.with(|| Ok("fresh"), alive), Ok("fresh"));
        assert_eq!(pool.with(|| panic!("the fresh one was kept"), alive), Ok("fresh"));
        let pool = Pool::new("dead");
        assert_eq!(pool.with(|| Ok("dead"), alive), Err("dead"));
        assert_eq!(pool.with(|| Err(NotMade::Failed("gone")), alive), Err("gone"));
        assert_eq!(pool.with(|| Err(NotMade::Limit("none at all")), alive), Err("none at all"));
        assert_eq!(pool.lock().lent, 0);
    }
}
