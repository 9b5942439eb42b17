//! Subscriptions: which plan of a service a user has. At most one per user and service.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{Access, Announcing, AnnouncingSteps, Applied, Change, Query, Statement, StorageError};
use crate::params;
use protocol::{Features, PlanId, ServiceId, ServicePath, Slug, SubscriptionStatus, Timestamp, UserId};

/// A subscription as its user meets it: with what the plan opens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The plan.
    pub plan: Slug,
    /// What the plan opens.
    pub features: Features,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid for, if that is known.
    pub current_period_end: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

/// This user's subscription to this service.
pub struct SubscriptionOf(pub UserId, pub ServiceId);

impl Query for SubscriptionOf {
    type Output = Option<Subscription>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT p.slug, p.features, s.status, s.current_period_end, s.created_at \
             FROM subscriptions s JOIN plans p ON p.id = s.plan_id WHERE s.user_id = ? AND s.service_id = ?",
            params![self.0, self.1],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(Subscription {
                plan: row.get(0)?,
                features: row.get::<Json<_>>(1)?.0,
                status: row.get(2)?,
                current_period_end: row.get(3)?,
                created_at: row.get(4)?,
            })
        })
    }
}

/// A subscription in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubscription {
    /// Whose.
    pub user_id: UserId,
    /// How they sign in.
    pub username: String,
    /// To which service.
    pub service_id: ServiceId,
    /// What it is called.
    pub service: ServicePath,
    /// The plan.
    pub plan: Slug,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid for, if that is known.
    pub current_period_end: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
}

fn listed(row: &Row<'_>) -> Result<ListedSubscription, StorageError> {
    Ok(ListedSubscription {
        user_id: row.get(0)?,
        username: row.get(1)?,
        service_id: row.get(2)?,
        service: ServicePath { organization: row.get(3)?, service: row.get(4)? },
        plan: row.get(5)?,
        status: row.get(6)?,
        current_period_end: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// A service's subscriptions, a page at a time.
pub struct ListSubscriptionsTo {
    /// To which service.
    pub service: ServiceId,
    /// Whose was the last one of the page before.
    pub after: Option<UserId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListSubscriptionsTo {
    type Output = Vec<ListedSubscription>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        Statement::new(
            "SELECT s.user_id, u.username, s.service_id, o.slug, v.slug, p.slug, s.status, s.current_period_end, s.created_at \
             FROM subscriptions s JOIN users u ON u.id = s.user_id JOIN plans p ON p.id = s.plan_id \
             JOIN services v ON v.id = s.service_id JOIN organizations o ON o.id = v.organization_id \
             WHERE s.service_id = ? AND s.user_id > ? ORDER BY s.user_id LIMIT ?",
            params![self.service, after.as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(listed)
    }
}

/// A user's subscriptions, a page at a time.
pub struct ListSubscriptionsOf {
    /// Whose.
    pub user: UserId,
    /// To which service was the last one of the page before.
    pub after: Option<ServiceId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListSubscriptionsOf {
    type Output = Vec<ListedSubscription>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        Statement::new(
            "SELECT s.user_id, u.username, s.service_id, o.slug, v.slug, p.slug, s.status, s.current_period_end, s.created_at \
             FROM subscriptions s JOIN users u ON u.id = s.user_id JOIN plans p ON p.id = s.plan_id \
             JOIN services v ON v.id = s.service_id JOIN organizations o ON o.id = v.organization_id \
             WHERE s.user_id = ? AND s.service_id > ? ORDER BY s.service_id LIMIT ?",
            params![self.user, after.as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(listed)
    }
}

/// Gives a user a plan of a service, in the place of whatever plan of it they had. Refused when the user or the plan is gone.
pub struct SetSubscription {
    /// Whose.
    pub user: UserId,
    /// To which service.
    pub service: ServiceId,
    /// Which of its plans.
    pub plan: PlanId,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid for, if that is known.
    pub current_period_end: Option<Timestamp>,
    /// Since when there is one.
    pub created_at: Timestamp,
    /// When it changes.
    pub at: Timestamp,
}

impl Announcing for SetSubscription {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.replace(
            Statement::new(
                "DELETE FROM subscriptions WHERE user_id = ? AND service_id = ?",
                params![self.user, self.service],
            ),
            Statement::new(
                "INSERT INTO subscriptions (user_id, service_id, plan_id, status, current_period_end, created_at, updated_at) \
                 SELECT users.id, plans.service_id, plans.id, ?, ?, ?, ? FROM plans, users \
                 WHERE plans.id = ? AND plans.service_id = ? AND users.id = ? /* share */",
                params![
                    self.status,
                    self.current_period_end,
                    self.created_at,
                    self.at,
                    self.plan,
                    self.service,
                    self.user,
                ],
            ),
        );
        steps.announces(Change::Subscription(self.user, self.service));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Ends a subscription at once. Refused when there is none.
pub struct RemoveSubscription {
    /// Whose.
    pub user: UserId,
    /// To which service.
    pub service: ServiceId,
}

impl Announcing for RemoveSubscription {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "DELETE FROM subscriptions WHERE user_id = ? AND service_id = ?",
            params![self.user, self.service],
        );
        steps.announces(Change::Subscription(self.user, self.service));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
