// Compares descriptors.bin with the descriptors linked into the Go module istio.io/api, in both directions: what our
// .proto files say was written down from tables, and this is what says that it was written down right.
//
// Usage: mainsheet-descriptors PATH
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	// Every package of the module whose messages are served. The others hold the configuration of Istio's own Envoy
	// filters and its certificate service.
	_ "istio.io/api/analysis/v1alpha1"
	_ "istio.io/api/extensions/v1alpha1"
	_ "istio.io/api/mcp/v1alpha1"
	_ "istio.io/api/mesh/v1alpha1"
	_ "istio.io/api/meta/v1alpha1"
	_ "istio.io/api/networking/v1alpha3"
	_ "istio.io/api/networking/v1beta1"
	_ "istio.io/api/security/v1beta1"
	_ "istio.io/api/telemetry/v1alpha1"
	_ "istio.io/api/type/v1beta1"
)

// What is looked at, by what it is: `field istio.networking.v1alpha3.HTTPRoute.match` -> `3 repeated message ...`.
type facts map[string]string

func main() {
	if len(os.Args) != 2 {
		fail("usage: mainsheet-descriptors PATH")
	}
	ours, err := load(os.Args[1])
	if err != nil {
		fail("read `%s`: %v", os.Args[1], err)
	}
	have, want := collect(ours), collect(protoregistry.GlobalFiles)
	differences := compare(have, want)
	for _, difference := range differences {
		fmt.Println(difference)
	}
	if len(differences) > 0 {
		fail("%d differences from istio.io/api", len(differences))
	}
	fmt.Printf("%s are those of istio.io/api\n", summary(want))
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n", arguments...)
	os.Exit(1)
}

func load(path string) (*protoregistry.Files, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, set); err != nil {
		return nil, err
	}
	return protodesc.NewFiles(set)
}

// Facts of the packages below `istio`.
func collect(files *protoregistry.Files) facts {
	found := facts{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "istio.") {
			found["package "+string(file.Package())] = file.Syntax().String()
			found.messages(file.Messages())
			found.enums(file.Enums())
		}
		return true
	})
	return found
}

func (f facts) messages(messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		message := messages.Get(i)
		f["message "+string(message.FullName())] = ""
		fields := message.Fields()
		for j := range fields.Len() {
			f["field "+string(fields.Get(j).FullName())] = shape(fields.Get(j))
		}
		f.messages(message.Messages())
		f.enums(message.Enums())
	}
}

func (f facts) enums(enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		enum := enums.Get(i)
		f["enum "+string(enum.FullName())] = ""
		values := enum.Values()
		for j := range values.Len() {
			value := values.Get(j)
			// A value's full name is a sibling of its enum's.
			f[fmt.Sprintf("value %s.%s", enum.FullName(), value.Name())] = fmt.Sprint(value.Number())
		}
	}
}

// All that decides how a field is read and written, in protobuf and in JSON.
func shape(field protoreflect.FieldDescriptor) string {
	text := fmt.Sprintf("%d %s %s", field.Number(), field.Cardinality(), field.Kind())
	if field.Message() != nil {
		text += " " + string(field.Message().FullName())
	}
	if field.Enum() != nil {
		text += " " + string(field.Enum().FullName())
	}
	text += " json " + field.JSONName()
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		text += " oneof " + string(oneof.Name())
	}
	if field.HasPresence() {
		text += " presence"
	}
	if field.IsPacked() {
		text += " packed"
	}
	return text
}

func compare(have, want facts) []string {
	var differences []string
	for name, wanted := range want {
		if held, ok := have[name]; !ok {
			differences = append(differences, "lacks "+name+" "+wanted)
		} else if held != wanted {
			differences = append(differences, fmt.Sprintf("differs %s: `%s`, should be `%s`", name, held, wanted))
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			differences = append(differences, "invents "+name)
		}
	}
	slices.Sort(differences)
	return differences
}

func summary(facts facts) string {
	counts := map[string]int{}
	for name := range facts {
		kind, _, _ := strings.Cut(name, " ")
		counts[kind]++
	}
	return fmt.Sprintf("%d packages, %d messages, %d fields, %d enums, %d values",
		counts["package"], counts["message"], counts["field"], counts["enum"], counts["value"])
}
