// SPDX-License-Identifier: Apache-2.0
/* hold: stays until its standard input ends. */
#include <unistd.h>

int main(void)
{
	char text[256];

	while (read(0, text, sizeof(text)) > 0)
		;
	return 0;
}
