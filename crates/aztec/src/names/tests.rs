use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Component, Role};

#[test]
fn each_row_is_at_the_index_of_its_name() {
    for (at, role) in Role::all().enumerate() {
        assert_eq!(role as usize, at);
    }
    for (at, component) in Component::all().enumerate() {
        assert_eq!(component as usize, at);
        let name = serde_json::Value::from(component.spec().name);
        let read = Component::deserialize(name).unwrap();
        assert_eq!(read, component);
    }
}

#[test]
fn a_component_belongs_to_a_role_and_shares_nothing_except_with_the_one_that_it_replaces() {
    let mut components = BTreeSet::new();
    for role in Role::all() {
        let spec = role.spec();
        for (component, key) in spec.components {
            let (table, key) = key.split_once('.').unwrap();
            assert_eq!(table, spec.table);
            assert!(key == "enabled" || spec.keys.contains(&key), "{key}");
            components.insert(*component);
        }
    }
    assert!(components.into_iter().eq(Component::all()));
    for one in Component::all() {
        for other in Component::all().filter(|other| *other != one) {
            let (a, b) = (one.spec(), other.spec());
            assert!(a.name != b.name && a.unit != b.unit && a.title != b.title);
            if one.excludes().any(|excluded| excluded == other) {
                continue;
            }
            assert_ne!(a.dir, b.dir);
            for (left, right) in a.ports.iter().zip(b.ports) {
                assert!(left.key != right.key && left.default != right.default);
            }
        }
    }
}
