<?php
header("Content-type: text/xml");
$sms_message_id = 'e7f41fdc813d481081ec2840d68838b5';
$ch = curl_init();
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_USERPWD, "username:password");
curl_setopt($ch, CURLOPT_URL, "https://hosting.plumvoice.com/ws/sms/status.xml/".$sms_message_id);
echo(curl_exec($ch));
curl_close($ch);
?>
