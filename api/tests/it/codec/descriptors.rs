//! The descriptors hold what the API has.

use mainsheet_api::kind::{Family, Kind};

use super::arbitrary::{descriptor, pool};

#[test]
fn every_message_and_enum_of_istio_is_described() {
    let pool = pool(Family::Istio);
    let istio = |name: &str| name.starts_with("istio.");
    let messages =
        pool.all_messages().filter(|message| istio(message.full_name()) && !message.is_map_entry());
    let enums = pool.all_enums().filter(|of| istio(of.full_name()));
    assert_eq!((messages.count(), enums.count()), (228, 54));
}

#[test]
fn every_kind_has_its_message() {
    for kind in Kind::all() {
        assert_eq!(descriptor(kind).full_name(), kind.info().message);
    }
}

#[test]
fn every_field_is_found_by_both_its_names() {
    for family in [Family::Istio, Family::Envoy] {
        for message in pool(family).all_messages() {
            for field in message.fields() {
                let found = [
                    message.get_field_by_json_name(field.json_name()),
                    message.get_field_by_name(field.name()),
                ];
                assert_eq!(found, [Some(field.clone()), Some(field.clone())], "{}", field.full_name());
                // A JSON name that is another field's .proto name would be read as either.
                let other = message.get_field_by_name(field.json_name());
                assert!(other.is_none_or(|other| other == field), "{}", field.full_name());
            }
        }
    }
}

#[test]
fn the_name_of_every_envoy_kind_is_its_first_field() {
    for kind in Kind::all().filter(|kind| kind.info().family == Family::Envoy) {
        let name = descriptor(kind).get_field(1).unwrap();
        assert_eq!(name.name(), if kind == Kind::ENDPOINTS { "cluster_name" } else { "name" });
    }
}
