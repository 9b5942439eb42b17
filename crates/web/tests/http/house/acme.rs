//! An organization in the house: acme with its notes, which are free or pro.

use super::{House, RelyingParty, new_ctx};
use protocol::{Features, PlanPath, Role, ServiceId, Slug, SubscriptionStatus, Timestamp};
use provider::admin::NewSubscription;

pub(crate) fn plan(path: &str) -> PlanPath {
    path.parse().unwrap()
}

fn features(names: &[&str]) -> Features {
    Features::named(names.iter().map(|name| (*name).to_owned())).unwrap()
}

impl House {
    /// Makes acme, and answers with its service.
    pub(crate) async fn acme(&self) -> ServiceId {
        let (provider, ctx) = (&self.provider, &mut new_ctx(None));
        provider.add_organization(ctx, Slug::parse("acme").unwrap(), "Acme".to_owned()).await.unwrap();
        let path = "acme/notes".parse().unwrap();
        let service = provider.add_service(ctx, path, "Notes".to_owned()).await.unwrap();
        for (path, opens) in [("acme/notes/free", &["read"][..]), ("acme/notes/pro", &["read", "export"])] {
            provider.add_plan(ctx, plan(path), "A plan".to_owned(), features(opens)).await.unwrap();
        }
        service.id
    }

    /// A client of acme's notes.
    pub(crate) async fn notes_of_acme(&self) -> RelyingParty {
        let service = self.acme().await;
        self.register("notes", |client| client.service = Some(service)).await
    }

    /// Gives a user a plan.
    pub(crate) async fn subscribe(
        &self,
        username: &str,
        path: &str,
        status: SubscriptionStatus,
        current_period_end: Option<Timestamp>,
    ) {
        let new = NewSubscription { plan: plan(path), status, current_period_end };
        self.provider.set_subscription(&new_ctx(None), username, new).await.unwrap();
    }

    /// Makes a user a member of acme.
    pub(crate) async fn join_acme(&self, username: &str) {
        let acme = Slug::parse("acme").unwrap();
        self.provider.set_member(&new_ctx(None), &acme, username, Role::Member).await.unwrap();
    }
}
