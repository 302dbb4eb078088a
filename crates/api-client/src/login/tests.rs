use std::cell::Cell;
use std::future::pending;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use super::*;

const HOUR: u64 = 3600;

fn login() -> Login {
    Login::new("api-token".parse().unwrap())
}

/// A token with this many seconds to live, told apart by its number.
fn token(number: u32, life: u64) -> BuildToken {
    let claims = format!(
        r#"{{"iat":1700000000,"exp":{},"n":{number}}}"#,
        1_700_000_000 + life
    );
    let payload = URL_SAFE_NO_PAD.encode(claims);
    format!("e30.{payload}.c2ln").parse().unwrap()
}

fn down() -> Error {
    Error::RateLimited { retry_after: None }
}

/// Gets a token, counting the exchanges.
async fn get(login: &Login, exchanges: &Cell<u32>, life: u64) -> BuildToken {
    let exchange = async {
        exchanges.set(exchanges.get() + 1);
        Ok(token(exchanges.get(), life))
    };
    login.token(None, exchange).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_and_renewed_five_minutes_before_its_end() {
    let (login, exchanges) = (login(), Cell::new(0));
    let first = get(&login, &exchanges, 2 * HOUR).await;
    advance(Duration::from_secs(2 * HOUR - 5 * 60 - 1)).await;
    assert_eq!(get(&login, &exchanges, HOUR).await, first);
    advance(Duration::from_secs(1)).await;
    assert_ne!(get(&login, &exchanges, HOUR).await, first);
    assert_eq!(exchanges.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_renewed_after_four_fifths_and_an_unknown_one_after_eight_minutes() {
    let (login, exchanges) = (login(), Cell::new(0));
    get(&login, &exchanges, 100).await;
    advance(Duration::from_secs(79)).await;
    get(&login, &exchanges, 100).await;
    assert_eq!(exchanges.get(), 1);
    advance(Duration::from_secs(1)).await;
    get(&login, &exchanges, 100).await;
    assert_eq!(exchanges.get(), 2);

    let opaque: BuildToken = "opaque".parse().unwrap();
    let login = self::login();
    login.token(None, async { Ok(opaque.clone()) }).await.unwrap();
    advance(Duration::from_mins(8) - Duration::from_secs(1)).await;
    assert_eq!(login.token(None, pending()).await.unwrap(), opaque);
    advance(Duration::from_secs(1)).await;
    let next = token(1, HOUR);
    assert_eq!(login.token(None, async { Ok(next.clone()) }).await.unwrap(), next);
}

/// What a hundred callers get at once of exchanges that take a second each, and how many those were.
async fn crowd(
    login: &Arc<Login>,
    answer: fn() -> Result<BuildToken, Error>,
) -> (Vec<Result<BuildToken, Error>>, u64) {
    let exchanges = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let (login, exchanges) = (Arc::clone(login), Arc::clone(&exchanges));
        callers.spawn(async move {
            let exchange = async {
                exchanges.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_secs(1)).await;
                answer()
            };
            login.token(None, exchange).await
        });
    }
    let got = callers.join_all().await;
    (got, exchanges.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn many_callers_wait_for_one_exchange_and_share_it() {
    let (got, exchanges) = crowd(&Arc::new(login()), || Ok(token(1, HOUR))).await;
    assert!(got.iter().all(|got| got.as_ref().unwrap() == &token(1, HOUR)));
    assert_eq!(exchanges, 1);
}

#[tokio::test(start_paused = true)]
async fn many_callers_share_a_failure_and_the_next_one_tries_again() {
    let login = Arc::new(login());
    let (got, exchanges) = crowd(&login, || Err(down())).await;
    for error in got.into_iter().map(Result::unwrap_err) {
        assert!(matches!(&error, Error::Login(cause) if matches!(**cause, Error::RateLimited { .. })));
    }
    assert_eq!(exchanges, 1);
    let got = login.token(None, async { Ok(token(2, HOUR)) }).await.unwrap();
    assert_eq!(got, token(2, HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_exchange_to_the_next() {
    let login = login();
    let given_up = tokio::time::timeout(Duration::from_secs(1), login.token(None, pending()));
    let next = async {
        sleep(Duration::from_millis(1)).await;
        login.token(None, async { Ok(token(1, HOUR)) }).await.unwrap()
    };
    let (given_up, got) = tokio::join!(given_up, next);
    assert!(given_up.is_err());
    assert_eq!(got, token(1, HOUR));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_renewal_as_long_as_the_old_token_lives() {
    const EXCHANGE: Duration = Duration::from_secs(10);
    let login = login();
    let first = login.token(None, async { Ok(token(1, HOUR)) }).await.unwrap();
    advance(Duration::from_secs(HOUR - 20)).await;
    let renewal = login.token(None, async {
        sleep(EXCHANGE).await;
        Ok(token(2, HOUR))
    });
    let begun = Instant::now();
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(login.token(None, pending()).await.unwrap(), first);
        assert_eq!(begun.elapsed(), Duration::from_secs(1), "at once");
        // Whoever was refused with it has no use for it.
        assert_eq!(
            login.token(Some(&first), pending()).await.unwrap(),
            token(2, HOUR)
        );
        assert_eq!(begun.elapsed(), EXCHANGE);
    };
    let (renewed, ()) = tokio::join!(renewal, meanwhile);
    assert_eq!(renewed.unwrap(), token(2, HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_it_is_old_enough() {
    let login = login();
    let first = login.token(None, async { Ok(token(1, HOUR)) }).await.unwrap();
    let same = login.token(Some(&first), pending()).await.unwrap();
    assert_eq!(same, first, "too young to be worth it");
    advance(GRACE).await;
    let second = login
        .token(Some(&first), async { Ok(token(2, HOUR)) })
        .await
        .unwrap();
    assert_eq!(second, token(2, HOUR));
    let late = login.token(Some(&first), pending()).await.unwrap();
    assert_eq!(late, second, "somebody else has renewed it");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let login = login();
    let first = login.token(None, async { Ok(token(1, HOUR)) }).await.unwrap();
    advance(Duration::from_secs(HOUR - 60)).await;
    assert_eq!(login.token(None, async { Err(down()) }).await.unwrap(), first);
    assert_eq!(
        login.token(None, pending()).await.unwrap(),
        first,
        "not at every call"
    );
    advance(Duration::from_secs(60)).await;
    let error = login.token(None, async { Err(down()) }).await.unwrap_err();
    assert!(matches!(error, Error::Login(_)), "{error:?}");
}
