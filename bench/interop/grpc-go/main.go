// A gRPC client without a proxy: it resolves an `xds:///` target as GRPC_XDS_BOOTSTRAP says, and calls health servers
// that it runs itself, for ever. What it sees it prints, a line each:
//
//	backend 40001             one of its servers, by port; there are two
//	answered by 40001         another server than before answered
//	failed: ...               a call failed
//
// Usage: mainsheet-grpc-go TARGET
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	// Registers the `xds` scheme.
	_ "google.golang.org/grpc/xds"
)

// Between two calls: short against the half second in which an edit is to arrive.
const pause = 5 * time.Millisecond

func main() {
	if len(os.Args) != 2 {
		fail("usage: mainsheet-grpc-go TARGET")
	}
	for range 2 {
		port, err := serve()
		if err != nil {
			fail("serve: %v", err)
		}
		fmt.Printf("backend %d\n", port)
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fail("resolve `%s`: %v", os.Args[1], err)
	}
	call(grpc_health_v1.NewHealthClient(connection))
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n", arguments...)
	os.Exit(1)
}

// Serves grpc.health.v1 on a loopback port of its own.
func serve() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { fail("serve: %v", server.Serve(listener)) }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func call(client grpc_health_v1.HealthClient) {
	last := ""
	for {
		server, err := check(client)
		if err != nil {
			fmt.Printf("failed: %v\n", err)
		} else if server != last {
			fmt.Printf("answered by %s\n", server)
			last = server
		}
		time.Sleep(pause)
	}
}

// One call; who answered it.
func check(client grpc_health_v1.HealthClient) (string, error) {
	deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var from peer.Peer
	// Not failing before the target is resolved for the first time; afterwards it makes no difference to an error.
	request := &grpc_health_v1.HealthCheckRequest{}
	if _, err := client.Check(deadline, request, grpc.Peer(&from), grpc.WaitForReady(true)); err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(from.Addr.String())
	return port, err
}
