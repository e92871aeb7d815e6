package main

import (
	"slices"
	"testing"
)

func TestDifferencesAreFoundInBothDirections(t *testing.T) {
	have := facts{"message a": "", "field a.b": "1 optional string", "field a.x": "2"}
	want := facts{"message a": "", "field a.b": "1 repeated string", "field a.c": "3"}
	expected := []string{
		"differs field a.b: `1 optional string`, should be `1 repeated string`",
		"invents field a.x",
		"lacks field a.c 3",
	}
	if got := compare(have, want); !slices.Equal(got, expected) {
		t.Fatalf("%q", got)
	}
}
