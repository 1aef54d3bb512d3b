//! No step down that saves less until the need is back than the change and the one that takes it back cost.

use super::{Change, Context};

pub(super) fn apply(context: &Context<'_>, jobs: u32) -> Change {
    let saving = context.saving.filter(|_| jobs < context.current_jobs)?;
    let (from, to) = (f64::from(context.current_jobs), f64::from(jobs));
    (!saving.pays(from, to)).then(|| {
        let (saved, least) = (saving.job_hours(from, to), saving.least_job_hours);
        let detail = if least.is_finite() {
            format!("it saves {saved:.1} job-hours until the need is back, and costs {least:.1}")
        } else {
            "a job-hour costs nothing now, and a change does".to_owned()
        };
        (context.current_jobs, detail)
    })
}
