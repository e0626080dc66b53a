package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// capture is a packet capture of its own, as tcpdump makes one: an AF_PACKET socket on the loopback device that keeps
// the UDP datagrams from or to one port.
type capture struct {
	fd   int
	port uint16
}

// startCapture begins to capture, or skips the test where the process may not.
func startCapture(t *testing.T, port uint16) *capture {
	t.Helper()
	network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skipf("a packet capture needs CAP_NET_RAW (run as root, or in a user namespace of its own): %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	c := &capture{fd: fd, port: port}
	c.filter(t)
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: lo.Index}))
	return c
}

// filter lets the kernel drop what is not the port's: IPv4, UDP, no fragment, the port on either side. The packet
// starts at its IP header.
func (c *capture) filter(t *testing.T) {
	const keep, drop = 1 << 16, 0
	port := uint32(c.port)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x45, Jf: 7}, // version 4, no options
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_UDP, Jf: 5},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 20},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: port, Jt: 2},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 22},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: port, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: keep},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
	}
	require.NoError(t, unix.SetsockoptSockFprog(c.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}

// read returns everything captured so far. Loopback shows each packet twice, going out and coming in: only the second
// counts.
func (c *capture) read(t *testing.T) (datagrams []Datagram) {
	t.Helper()
	buf := make([]byte, 1<<16)
	for {
		size, from, err := unix.Recvfrom(c.fd, buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return datagrams
		case errors.Is(err, unix.EINTR):
			continue
		}
		require.NoError(t, err)
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
			datagrams = append(datagrams, c.datagram(t, buf[:size]))
		}
	}
}

func (c *capture) datagram(t *testing.T, packet []byte) Datagram {
	require.Equal(t, len(packet), int(binary.BigEndian.Uint16(packet[2:])), "the IP header's total length")
	udp := packet[20:]
	require.Equal(t, len(udp), int(binary.BigEndian.Uint16(udp[4:])), "the UDP header's length")
	require.Equal(t, headerBytes4, len(packet)-len(udp[8:]), "the ledger's column for headers")
	dir := ServerToClient
	if binary.BigEndian.Uint16(udp) == c.port {
		dir = ClientToServer
	}
	return Datagram{Dir: dir, Payload: bytes.Clone(udp[8:])}
}

// TestAgreesWithPacketCapture runs a handshake over loopback under tap and packet capture at once.
func TestAgreesWithPacketCapture(t *testing.T) {
	for name, group := range map[string]tls.CurveID{"X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768} {
		t.Run(name, func(t *testing.T) {
			socket := listenLoopback(t)
			captured := startCapture(t, uint16(socket.LocalAddr().(*net.UDPAddr).Port))
			tap := NewTap(socket, AtClient)
			var keylog bytes.Buffer
			dialLoopback(t, tap, &keylog, group)
			tapped := tap.Take()
			require.NotEmpty(t, tapped)

			seen := captured.read(t)
			require.Len(t, seen, len(tapped))
			for _, dir := range []Direction{ClientToServer, ServerToClient} {
				// By direction: a datagram that is read while another is written has no order between the two.
				require.Equal(t, payloads(seen, dir), payloads(tapped, dir), "%v", dir)
			}
			ours, err := Read(tapped, keylog.Bytes())
			require.NoError(t, err)
			require.True(t, ours.Complete)
			require.Equal(t, group, ours.Group)
			require.Zero(t, ours.Undecrypted)
		})
	}
}

func listenLoopback(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	return socket
}

// dialLoopback performs a handshake through conn with a server of its own. When it returns, nothing is under way: both
// ends are closed, and what the client had not read by then has been read through conn.
func dialLoopback(t *testing.T, conn net.PacketConn, keylog *bytes.Buffer, group tls.CurveID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	clientTLS, serverTLS := configs(keylog, []tls.CurveID{group}, nil)
	serverSocket := listenLoopback(t)
	server := &quic.Transport{Conn: serverSocket}
	defer server.Close()
	listener, err := server.Listen(serverTLS, nil)
	require.NoError(t, err)
	client := &quic.Transport{Conn: conn}
	defer client.Close()
	c, err := client.Dial(ctx, serverSocket.LocalAddr(), clientTLS, nil)
	require.NoError(t, err)
	peer, err := listener.Accept(ctx)
	require.NoError(t, err)
	waitForServer(t, c, peer)
	require.NoError(t, c.CloseWithError(0, ""))
	<-peer.Context().Done()
	require.NoError(t, client.Close())
	require.NoError(t, server.Close())

	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	for err = nil; err == nil; {
		_, _, err = conn.ReadFrom(make([]byte, 1<<16))
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
