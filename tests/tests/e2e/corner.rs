//! A test's corner of the peers, which explains itself when the test fails.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use testbed::world::World;

/// Generous: the machine may be building something else.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Runs `test` in a corner of its own.
pub(crate) async fn play<F, Fut>(name: &str, test: F) -> anyhow::Result<()>
where
    F: FnOnce(Arc<World>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let world = Arc::new(World::new(name).await?);
    let result = AssertUnwindSafe(test(world.clone())).catch_unwind().await;
    if !matches!(result, Ok(Ok(()))) {
        eprintln!("{}", world.explain().await);
    }
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    // What the kubelet said and the API server refused would make the test mean something else.
    assert_eq!(
        world.peers.kubelet.faults(world.namespace.name()),
        Vec::<String>::new()
    );
    Ok(())
}
