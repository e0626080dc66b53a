//go:build pqbench_overlay

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// A transcript is what one handshake showed.
type transcript struct {
	group                    tls.CurveID
	clientHello, serverHello []byte
}

// alertError is an alert that one side sent.
type alertError struct {
	side  string
	alert tls.AlertError
}

func (e alertError) Error() string { return fmt.Sprintf("%s: %v", e.side, e.alert) }

var certificate = func() tls.Certificate {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}()

func config(groups ...tls.CurveID) *tls.Config {
	return &tls.Config{
		Certificates:       []tls.Certificate{certificate},
		CurvePreferences:   groups,
		InsecureSkipVerify: true, // the certificate is made up above
		MinVersion:         tls.VersionTLS12,
	}
}

// handshake runs both sides to the end or to the first error.
func handshake(clientGroups, serverGroups []tls.CurveID) (transcript, error) {
	quic := func(groups []tls.CurveID) *tls.QUICConfig {
		tlsConfig := config(groups...)
		tlsConfig.MinVersion = tls.VersionTLS13
		return &tls.QUICConfig{TLSConfig: tlsConfig}
	}
	client, server := tls.QUICClient(quic(clientGroups)), tls.QUICServer(quic(serverGroups))
	defer client.Close()
	defer server.Close()
	client.SetTransportParameters(nil)
	server.SetTransportParameters(nil)
	if err := errors.Join(client.Start(context.Background()), server.Start(context.Background())); err != nil {
		return transcript{}, err
	}
	var t transcript
	for {
		fromClient, err := pump(client, server, "server", &t.clientHello)
		if err != nil {
			return t, err
		}
		fromServer, err := pump(server, client, "client", &t.serverHello)
		if err != nil {
			return t, err
		}
		if !fromClient && !fromServer {
			break
		}
	}
	c, s := client.ConnectionState(), server.ConnectionState()
	if !c.HandshakeComplete || !s.HandshakeComplete || c.CurveID != s.CurveID {
		return t, fmt.Errorf("client has group %v, complete %v; server has group %v, complete %v",
			c.CurveID, c.HandshakeComplete, s.CurveID, s.HandshakeComplete)
	}
	t.group = c.CurveID
	return t, nil
}

// pump carries what one side has written to the other and reports whether there
// was anything. The first message at the Initial level is the side's hello.
func pump(from, to *tls.QUICConn, toName string, hello *[]byte) (moved bool, err error) {
	for e := from.NextEvent(); e.Kind != tls.QUICNoEvent; e = from.NextEvent() {
		if e.Kind != tls.QUICWriteData {
			continue
		}
		moved = true
		if *hello == nil {
			*hello = append([]byte{}, e.Data...)
		}
		if err := to.HandleData(e.Level, e.Data); err != nil {
			var alert tls.AlertError
			if errors.As(err, &alert) {
				return moved, alertError{toName, alert}
			}
			return moved, fmt.Errorf("%s: %w", toName, err)
		}
	}
	return moved, nil
}

// offered returns the groups in the ClientHello that a config makes.
func offered(clientConfig *tls.Config) ([]tls.CurveID, error) {
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer client.Close()
		tls.Client(client, clientConfig).Handshake() // cut off by the other side
	}()
	var seen []tls.CurveID
	serverConfig := config()
	serverConfig.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		seen = append(seen, hello.SupportedCurves...)
		return nil, errors.New("seen enough")
	}
	conn := tls.Server(server, serverConfig)
	defer server.Close()
	err := conn.Handshake()
	if seen == nil {
		return nil, fmt.Errorf("no groups offered: %w", err)
	}
	return seen, nil
}
