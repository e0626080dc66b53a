package wire

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// segment is the size of the datagrams that the kernel is asked to cut a buffer into (UDP_SEGMENT, udp(7)); 0 where
// it is not asked.
func segment(oob []byte) int {
	for len(oob) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_SEGMENT && len(data) >= 2 {
			return int(binary.NativeEndian.Uint16(data))
		}
		oob = rest
	}
	return 0
}
