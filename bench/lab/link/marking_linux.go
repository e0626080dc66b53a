package link

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// marking is a socket that carries ECN, in the control messages of recvmsg and sendmsg: quic-go's OOBCapablePacketConn. It
// reads through ReadBatch, which quic-go prefers to the file descriptor that this socket does not have.
type marking struct{ *socket }

var _ interface {
	SyscallConn() (syscall.RawConn, error)
	ReadBatch([]ipv4.Message, int) (int, error)
} = marking{}

func withMarks(s *socket) net.PacketConn { return marking{s} }

// MarkingUnsupported says why quic-go would not mark packets here; nil where it does: on Linux from version 5 on, unless
// the environment forbids it.
func MarkingUnsupported() error {
	if off, err := strconv.ParseBool(os.Getenv("QUIC_GO_DISABLE_ECN")); err == nil && off {
		return errors.New("QUIC_GO_DISABLE_ECN forbids to mark packets: unset it")
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	release := unix.ByteSliceToString(u.Release[:])
	major, _, _ := strings.Cut(release, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 5 {
		return errors.New("quic-go marks packets on Linux from version 5 on, and not on " + release)
	}
	return nil
}

// SyscallConn returns one without a file descriptor: quic-go's wish to receive marks is granted without being heard.
func (m marking) SyscallConn() (syscall.RawConn, error) { return noDescriptor{}, nil }

type noDescriptor struct{}

func (noDescriptor) Control(func(uintptr)) error    { return nil }
func (noDescriptor) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (noDescriptor) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// ReadBatch waits for one datagram.
func (m marking) ReadBatch(messages []ipv4.Message, _ int) (int, error) {
	into := &messages[0]
	r, err := m.receive(into.Buffers[0])
	if err != nil {
		return 0, err
	}
	into.N, into.Addr, into.NN = r.n, r.from, copy(into.OOB, controlMessage(r.mark))
	return 1, nil
}

// ReadMsgUDP waits for one datagram.
func (m marking) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	r, err := m.receive(b)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	addr, _ = r.from.(*net.UDPAddr)
	return r.n, copy(oob, controlMessage(r.mark)), 0, addr, nil
}

// WriteMsgUDP sends one datagram with its mark, or several where a control message has it cut into segments (GSO).
func (m marking) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	c, err := readControl(oob)
	if err != nil {
		return 0, 0, err
	}
	for segment := range slices.Chunk(b, max(1, cmp.Or(c.segment, len(b)))) {
		if _, err := m.send(segment, addr, c.mark); err != nil {
			return n, 0, err
		}
		n += len(segment)
	}
	return n, len(oob), nil
}

// control is what the control messages of a sendmsg ask for.
type control struct {
	mark    ECN
	segment int // size of the datagrams that a payload is cut into; 0: it is one
}

func readControl(oob []byte) (c control, err error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return c, err
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_SEGMENT && len(m.Data) >= 2:
			c.segment = int(binary.NativeEndian.Uint16(m.Data))
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TOS && len(m.Data) >= 1:
			c.mark = ECN(m.Data[0]) & ecnBits
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_TCLASS && len(m.Data) >= 4:
			c.mark = ECN(binary.NativeEndian.Uint32(m.Data)) & ecnBits
		}
	}
	return c, nil
}

// controlMessage is how Linux reports a mark that was received over IPv4.
func controlMessage(mark ECN) []byte {
	b := make([]byte, unix.CmsgSpace(1))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_TOS
	h.SetLen(unix.CmsgLen(1))
	b[unix.CmsgLen(0)] = byte(mark)
	return b
}
