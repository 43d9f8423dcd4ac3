<?php
$ch = curl_init();
curl_setopt($ch, CURLOPT_URL, "https://fuse.plumvoice.com/api/apps/{application_id}/{deployment_id}/queue");
curl_setopt($ch, CURLOPT_USERPWD, '<your_email_address>:<your_developer_key>');
curl_setopt($ch, CURLOPT_POST, 1);
curl_setopt($ch, CURLOPT_POSTFIELDS, array('phone_number' => 'tel:+16175551234;ani=8009957586;postd=2',
    'metadata' => json_encode(array('first_name' => 'Steve', 'last_name' => 'Smith'))));
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HEADER, 1);
echo curl_exec($ch);
