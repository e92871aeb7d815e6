use proptest::prelude::*;
use serde_json::json;

use super::*;

fn mesh() -> Value {
    json!({
        "kind": "List",
        "items": [
            {
                "kind": "VirtualService",
                "metadata": {"name": "reviews", "namespace": "shop", "labels": {"app": "shop", "mainsheet.io/ttl": "5m"}},
                "spec": {
                    "hosts": ["reviews", "reviews.shop"],
                    "http": [
                        {"name": "canary", "route": [{"destination": {"host": "a"}, "weight": 90}, {"destination": {"host": "b"}, "weight": 10}]},
                        {"route": [{"destination": {"host": "c"}}]},
                    ],
                },
            },
            {"kind": "Gateway", "metadata": {"name": "door", "namespace": "edge"}, "spec": {"ready": true, "half": 0.5}},
        ],
    })
}

fn printed(template: &str) -> Result<String, String> {
    let template =
        Template::parse(template).map_err(|mistake| format!("{}: {}", mistake.at + 1, mistake.reason))?;
    template.print(&mesh()).map_err(|mistake| format!("{}: {}", mistake.at + 1, mistake.reason))
}

#[track_caller]
fn prints(template: &str, text: &str) {
    assert_eq!(printed(template), Ok(text.to_owned()), "{template}");
}

#[track_caller]
fn fails(template: &str, mistake: &str) {
    assert_eq!(printed(template), Err(mistake.to_owned()), "{template}");
}

#[test]
fn fields_are_found_and_several_are_separated_by_blanks() {
    prints("{.items[*].metadata.name}", "reviews door");
    prints("{$.kind}", "List");
    prints("{ .kind }", "List");
    prints("{@.kind}", "List");
    prints("{.items[0].spec.hosts[*]}", "reviews reviews.shop");
    prints("{.items[0].metadata.labels.app}", "shop");
}

#[test]
fn what_is_not_there_prints_nothing() {
    prints("{.nothing}", "");
    prints("before-{.nothing.at.all}-after", "before--after");
    prints("{.items[*].spec.http[*].name}", "canary");
    prints("{.kind.deeper}", "");
    prints("{.nothing[0]}", "");
    prints("{.nothing[?(@.a==1)]}", "");
    prints("{range .nothing[*]}x{end}", "");
}

#[test]
fn scalars_print_bare_and_the_rest_as_json() {
    prints("{.items[1].spec}", r#"{"half":0.5,"ready":true}"#);
    prints("{.items[0].spec.hosts}", r#"["reviews","reviews.shop"]"#);
    prints("{.items[1].spec.ready} {.items[1].spec.half}", "true 0.5");
    prints("{.items[0].spec.http[0].route[*].weight}", "90 10");
}

#[test]
fn indices_count_from_either_end() {
    prints("{.items[0].kind}", "VirtualService");
    prints("{.items[-1].kind}", "Gateway");
    fails("{.items[2].kind}", "8: index 2 of a list of 2");
    fails("{.items[-3].kind}", "8: index -3 of a list of 2");
    fails("{.items[*].metadata[0]}", "20: this needs a list, and finds an object");
}

#[test]
fn slices_have_ends_and_steps_and_may_reach_beyond() {
    prints("{.items[0:1].kind}", "VirtualService");
    prints("{.items[1:].kind}", "Gateway");
    prints("{.items[:-1].kind}", "VirtualService");
    prints("{.items[-1:].kind}", "Gateway");
    prints("{.items[::2].kind}", "VirtualService");
    prints("{.items[0:9].kind}", "VirtualService Gateway");
    prints("{.items[1:0].kind}", "");
    prints("{.items[-9:].kind}", "VirtualService Gateway");
    fails("{.items[::0]}", "11: a slice's step is a positive number");
}

#[test]
fn unions_take_one_after_the_other() {
    prints("{.items[0,1].kind}", "VirtualService Gateway");
    prints("{.items[1, 0].kind}", "Gateway VirtualService");
    prints("{.items[*]['metadata.name', 'kind']}", "reviews VirtualService door Gateway");
    prints("{.items[0].metadata['name','namespace']}", "reviews shop");
}

#[test]
fn keys_with_dots_are_escaped_or_in_quotes() {
    prints(r"{.items[0].metadata.labels.mainsheet\.io/ttl}", "5m");
    prints("{.items[0].metadata.labels['mainsheet.io/ttl']}", "5m");
    prints(r#"{.items[0].metadata.labels["mainsheet\.io/ttl"]}"#, "5m");
    prints("{['kind']}", "List");
}

#[test]
fn wildcards_take_fields_too() {
    prints("{.items[1].metadata.*}", "door edge");
    prints("{.items[1].metadata[*]}", "door edge");
    prints("{.kind.*}", "");
}

#[test]
fn two_dots_find_at_any_depth() {
    prints("{..host}", "a b c");
    prints("{.items[0]..weight}", "90 10");
    prints("{..route[0].destination.host}", "a c");
    prints(
        "{.items[1]..}",
        r#"{"kind":"Gateway","metadata":{"name":"door","namespace":"edge"},"spec":{"half":0.5,"ready":true}} {"name":"door","namespace":"edge"} {"half":0.5,"ready":true}"#,
    );
    prints("{..[0].kind}", "VirtualService");
    fails("{...name}", "4: a third dot; `..` finds a field at any depth");
}

#[test]
fn ranges_repeat_what_is_within() {
    prints(
        r#"{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}"#,
        "shop/reviews\nedge/door\n",
    );
    prints(
        r#"{range .items[*]}{.kind}:{range .spec.hosts[*]} {@}{end};{end}{.kind}"#,
        "VirtualService: reviews reviews.shop;Gateway:;List",
    );
    prints("{range .items[*]}{$.kind},{end}", "List,List,");
    prints("{range .items[*]}[{.metadata.name}] {end}", "[reviews] [door] ");
}

#[test]
fn quoted_texts_may_hold_anything() {
    prints(r#"{"{"}{'}'}{"\t"}{'a"b'}{"a'b"}{"\\"}"#, "{}\ta\"ba'b\\");
    prints(r#"{.kind}{"\n"}"#, "List\n");
    prints("plain } text {.kind}", "plain } text List");
}

#[test]
fn filters_compare() {
    prints(r#"{.items[?(@.kind=="Gateway")].metadata.name}"#, "door");
    prints("{.items[?(@.kind!='Gateway')].metadata.name}", "reviews");
    prints(r#"{.items[?( @.kind == "Gateway" )].metadata.name}"#, "door");
    prints("{..route[?(@.weight>10)].destination.host}", "a");
    prints("{..route[?(@.weight>=10)].destination.host}", "a b");
    prints("{..route[?(@.weight<90)].destination.host}", "b");
    prints("{..route[?(@.weight<=90.0)].destination.host}", "a b");
    prints("{..route[?(@.weight==90.0)].destination.host}", "a");
    prints("{.items[?(@.spec.ready==true)].kind}", "Gateway");
    prints(r#"{.items[?(@.metadata.labels.mainsheet\.io/ttl=="5m")].kind}"#, "VirtualService");
    prints(r#"{.items[?(@.metadata.labels['mainsheet.io/ttl']=="5m")].kind}"#, "VirtualService");
    prints("{.items[0].spec.hosts[?(@=='reviews')]}", "reviews");
    prints("{.items[?(@.kind==$.kind)].kind}", "");
    prints("{.items[?(90==@.spec.http[0].route[0].weight)].kind}", "VirtualService");
}

#[test]
fn filters_ask_whether_a_field_is_there() {
    prints("{.items[?(@.spec.http)].kind}", "VirtualService");
    prints("{.items[?(@.spec.ready)].kind}", "Gateway");
    prints("{.items[0].spec.http[?(@.name)].route[0].weight}", "90");
}

#[test]
fn filters_match_expressions() {
    prints("{.items[?(@.kind=~'^Gate')].kind}", "Gateway");
    prints(r#"{.items[?(@.metadata.name =~ "r.*s")].kind}"#, "VirtualService");
    prints("{..route[?(@.weight=~'9')]}", "");
    fails("{.items[?(@.kind=~'(')]}", "19: no regular expression: unclosed group");
    fails("{.items[?(@.kind=~5)]}", "19: =~ takes a regular expression in quotes");
}

#[test]
fn values_of_different_types_are_unequal_and_have_no_order() {
    prints("{.items[?(@.kind==5)].kind}", "");
    prints("{.items[?(@.kind!=5)].kind}", "VirtualService Gateway");
    prints("{.items[?(@.kind<5)].kind}", "");
    fails("{.items[?(@..host=='a')]}", "12: a comparison needs one value, and this finds several");
    fails("{.kind[?(@.a)]}", "7: this needs a list, and finds a text");
}

#[test]
fn mistakes_are_told_with_their_column() {
    fails("metadata.name", "1: nothing is in braces; write for example `{.metadata.name}`");
    fails(".items[*]", "1: nothing is in braces; write for example `{.items[*]}`");
    fails("", "1: nothing is in braces; write for example `{.metadata.name}`");
    fails("{.kind", "1: this brace is never closed");
    fails("a{.items[0}", "11: expected `,`, found `}`");
    fails("{.items[", "9: expected an index, a slice (1:3), a key in quotes, * or ?(a filter)");
    fails("{.items[0", "8: this bracket is never closed");
    fails("{.items[a]}", "9: expected an index, a slice (1:3), a key in quotes, * or ?(a filter)");
    fails("{.items[99999999999999999999]}", "9: `99999999999999999999` is no whole number");
    fails("{kind}", "2: `kind` is neither range nor end; fields begin with a dot: `.kind`");
    fails("{.kind .name}", "8: expected `}`, found `.`");
    fails("{end}", "2: no range is open that this could end");
    fails("{range .items[*]}{.kind}", "1: this range has no {end}");
    fails("{\"text}", "2: the quote is never closed");
    fails(r#"{"\q"}"#, r#"4: unknown escape; known are: \n \t \r \\ \" \'"#);
    fails(r"{.a\", "5: a backslash is the last letter");
    fails("{.items[?(@.kind)}", "18: expected `]`, found `}`");
    fails("{.items[?@.kind]}", "10: expected `(`, found `@`");
    fails("{.items[?(@.kind=='a'&&@.b)]}", "22: a filter has one condition");
    fails("{.items[?(@.kind=a)]}", "17: expected an operator (== != < <= > >= =~) or `)`");
    fails("{.items[?(@.kind==Gateway)]}", "19: `Gateway` is no value; texts stand in quotes: \"Gateway\"");
    fails(
        "{.items[?(@.kind==)]}",
        "19: expected a field (@.name), a text in quotes, a number, true or false",
    );
    fails("{.items[?('a')]}", "15: a filter that is always true; it begins with a field: `@.name`");
    fails(&"{range .items[*]}".repeat(20), "274: more than 16 ranges within ranges");
}

#[test]
fn mistake_is_shown_below_the_template() {
    let mistake = Template::parse("{.items[0}").unwrap_err().to_string();
    assert_eq!(mistake, "column 10 of the template: expected `,`, found `}`\n  {.items[0}\n           ^");
    let mistake = Template::parse("{.a}\n{.items[0}").unwrap_err().to_string();
    assert_eq!(mistake, "column 15 of the template: expected `,`, found `}`");
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_a_mistake_within_it(text in r#"[{}.\[\]@$?()'"\\=<>~:,*a-c0-2 -]{0,24}"#) {
        match Template::parse(&text) {
            Ok(template) => drop(template.print(&mesh())),
            Err(mistake) => prop_assert!(mistake.at <= text.chars().count()),
        }
    }
}
