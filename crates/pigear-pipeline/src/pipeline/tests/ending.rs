use super::*;

/// Keeps whether it knew, when nothing more came, by when it must be done.
#[derive(Default)]
struct Knows {
    deadline: Deadline,
    knew: Arc<Mutex<Option<bool>>>,
}

impl Handler for Knows {
    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.deadline = context.deadline;
        Ok(())
    }

    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        *self.knew.lock().unwrap() = Some(self.deadline.left().is_some());
        Ok(())
    }
}

/// A source sees a request at once; the pipeline may hear of the source's end before it hears of the request.
#[test]
fn a_lane_that_sees_the_end_of_a_run_that_was_stopped_knows_its_deadline() {
    let (knows, stop) = (Knows::default(), Stop::default());
    let knew = Arc::clone(&knows.knew);
    let ended = Arc::clone(&knew);
    stop.on_request(move || {
        // As if this thread got no processor until the source has ended, and more.
        let begin = Instant::now();
        while ended.lock().unwrap().is_none() && begin.elapsed() < LATE {
            thread::yield_now();
        }
    });
    let mut pipeline = Pipeline::default();
    pipeline.add("knows", Box::new(knows), LaneSettings::default());
    run_and_stop_after(10, pipeline, given(10, AndThen::Wait), &stop);
    assert_eq!(*knew.lock().unwrap(), Some(true));
}

#[test]
fn it_ends_when_asked_and_handles_what_it_has() {
    let count = Count::default();
    let mut pipeline = Pipeline::default();
    pipeline.add("count", Box::new(count.clone()), LaneSettings::default());
    run_and_stop_after(100, pipeline, given(100, AndThen::Wait), &Stop::default());
    assert_eq!(count.0.lock().unwrap().alerts, 100);
}

#[test]
fn it_ends_at_once_when_it_was_asked_to_stop_before_and_handles_what_its_source_had() {
    let (stop, count) = (Stop::default(), Count::default());
    stop.request();
    let mut pipeline = Pipeline::default();
    pipeline.add("count", Box::new(count.clone()), LaneSettings::default());
    let stats = pipeline.stats();
    pipeline.run(given(10, AndThen::Wait), &stop).unwrap();
    assert_eq!((stats.snapshot().received, count.0.lock().unwrap().alerts), (10, 10));
}
