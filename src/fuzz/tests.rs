//! What tests of several files of this room share.

use super::campaign::Orders;
use crate::transcript::Role;

pub(super) fn orders() -> Orders {
    Orders { sides: vec![Role::Server, Role::Client], seed: 1, tries: None, part: (0, 1), jobs: 2, depth: 64, enough: None }
}
