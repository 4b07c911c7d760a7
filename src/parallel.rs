//! Independent pieces of work, on several threads where the build can.

/// Does all jobs, in parallel where the build can and there are several.
#[cfg(feature = "rayon")]
pub(crate) fn in_parallel<J: Send>(jobs: &mut [J], one: impl Fn(&mut J) + Sync + Send) {
    use rayon::prelude::*;
    if let [job] = jobs {
        one(job);
    } else {
        jobs.par_iter_mut().with_max_len(1).for_each(one);
    }
}

#[cfg(not(feature = "rayon"))]
pub(crate) fn in_parallel<J: Send>(jobs: &mut [J], one: impl Fn(&mut J) + Sync + Send) {
    jobs.iter_mut().for_each(one);
}
